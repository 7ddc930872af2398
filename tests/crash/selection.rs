//! What runs with all other tests: every operation without a fault, every so many of the single faults, and the
//! seeds of what was once wrong.

use libtest_mimic::{Failed, Trial};

use crate::case::Case;
use crate::gate::Side;
use crate::ghost::{a_deletion_takes_away_what_is_there, what_is_there_is_recorded};
use crate::matrix::{plain, with_one_more};
use crate::vendor::Vendor;

/// One of so many single faults is run; which ones differs from operation to operation.
const STRIDE: usize = 17;

/// Cases that once went wrong: how many vendor calls their first ten seconds may have, before any list that comes
/// by the clock, and what was wrong.
const ONCE_WRONG: &[(&str, usize, &str)] = &[
    ("tencent/create/1:error=InvalidParameterValue", 1, "a refused create was sent again at once"),
    ("tencent/update/2:die-after", 4, "a change that a dead process had carried out was refused for ever"),
    ("huawei/create/1:cut-after", 8, "an attempt whose ledger's answer was lost was looked for without end"),
    (
        "huawei-open/create/10:stale,11:garbage=NotJson",
        6,
        "a store that lagged behind a lost answer made a visit ten times a second",
    ),
    ("huawei-open/create/2:twice", 5, "a create that was delivered twice left a second product for ever"),
];

/// The tests.
pub(crate) fn trials() -> Vec<Trial> {
    let operations = plain().into_iter().enumerate().map(|(number, case)| {
        let name = format!("{} survives what may go wrong", case.to_string().trim_end_matches('/'));
        Trial::test(name, move || selection(&case, number))
    });
    let once = ONCE_WRONG
        .iter()
        .map(|(seed, most, what)| Trial::test(format!("{what} ({seed})"), || once_wrong(seed, *most)));
    let same = Trial::test("a seed always gives the same run", || {
        same_again();
        Ok(())
    });
    let frugal = Trial::test("a creation asks for no more than it must", || {
        asks_no_more();
        Ok(())
    });
    let ghosts = Vendor::ALL.into_iter().filter(|vendor| *vendor != Vendor::Legacy).flat_map(|vendor| {
        let name = |what: &str| format!("a list that lags shows {what} what is gone ({})", vendor.name());
        [
            Trial::test(name("a deletion"), move || a_deletion_takes_away_what_is_there(vendor)),
            Trial::test(name("a creation"), move || what_is_there_is_recorded(vendor)),
        ]
    });
    operations.chain(once).chain(ghosts).chain([same, frugal]).collect()
}

fn check(case: &Case) -> Result<(), Failed> {
    match case.run().wrong {
        Some(wrong) => Err(format!("CRASH_REPLAY='{case}': {wrong}").into()),
        None => Ok(()),
    }
}

fn once_wrong(seed: &str, most: usize) -> Result<(), Failed> {
    let case = Case::parse(seed).ok_or("no seed")?;
    let report = case.run();
    let calls = report.steps.iter().filter(|step| step.side == Side::Vendor && step.at < 10.0).count();
    match report.wrong {
        Some(wrong) => Err(format!("CRASH_REPLAY='{case}': {wrong}").into()),
        None if calls > most => {
            Err(format!("CRASH_REPLAY='{case}': {calls} vendor calls in ten seconds").into())
        }
        None => Ok(()),
    }
}

fn selection(case: &Case, number: usize) -> Result<(), Failed> {
    let report = case.run();
    if let Some(wrong) = report.wrong {
        return Err(format!("CRASH_REPLAY='{case}': {wrong}").into());
    }
    with_one_more(case, &report).iter().skip(number % STRIDE).step_by(STRIDE).try_for_each(check)
}

/// Ledger, product, id, Event, registration, Secret, status.
fn asks_no_more() {
    let report = Case::parse("tencent/create/").expect("a seed").run();
    let first = report.steps.iter().filter(|step| step.at < 10.0);
    let asked: Vec<&str> = first.filter_map(|step| step.what.split(' ').next()).collect();
    assert_eq!(asked.join(" "), "PATCH CreateProduct PATCH POST UpdateProductDynamicRegister POST PATCH");
}

fn same_again() {
    let steps = |seed: &str| -> Vec<String> {
        let report = Case::parse(seed).expect("a seed").run();
        report.steps.iter().map(|step| format!("{:.3} {:?} {}", step.at, step.side, step.what)).collect()
    };
    for seed in ["huawei/create/2:timeout-after,9:die-before", "alibaba/delete/2:cut-after"] {
        assert_eq!(steps(seed), steps(seed), "{seed}");
    }
}
