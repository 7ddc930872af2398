//! What runs with all other tests: every operation without a fault, every so many of the single faults, and the
//! seeds of what was once wrong.

use libtest_mimic::{Failed, Trial};

use crate::case::Case;
use crate::matrix::{plain, with_one_more};

/// One of so many single faults is run; which ones differs from operation to operation.
const STRIDE: usize = 17;

/// Cases that once went wrong, each with what was wrong.
const ONCE_WRONG: &[(&str, &str)] = &[];

/// The tests.
pub(crate) fn trials() -> Vec<Trial> {
    let operations = plain().into_iter().enumerate().map(|(number, case)| {
        let name = format!("{} survives what may go wrong", case.to_string().trim_end_matches('/'));
        Trial::test(name, move || selection(&case, number))
    });
    let once = ONCE_WRONG.iter().map(|(seed, what)| {
        Trial::test(format!("{what} ({seed})"), || check(&Case::parse(seed).ok_or("no seed")?))
    });
    let same = Trial::test("a seed always gives the same run", same_again);
    operations.chain(once).chain([same]).collect()
}

fn check(case: &Case) -> Result<(), Failed> {
    match case.run().wrong {
        Some(wrong) => Err(format!("CRASH_REPLAY='{case}': {wrong}").into()),
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

fn same_again() -> Result<(), Failed> {
    let steps = |seed: &str| -> Vec<String> {
        let report = Case::parse(seed).expect("a seed").run();
        report.steps.iter().map(|step| format!("{:.3} {:?} {}", step.at, step.side, step.what)).collect()
    };
    for seed in ["huawei/create/2:timeout-after,9:die-before", "alibaba/delete/2:cut-after"] {
        assert_eq!(steps(seed), steps(seed), "{seed}");
    }
    Ok(())
}
