//! The operator as it ships, against a real API server and the vendor's simulator: what users are promised,
//! tried from outside through the binary, the API and the vendor's call log.
//!
//! `IDLE_SECONDS` and `OUTAGE_SECONDS` make the two tests that watch for a while watch longer, and
//! `QUOTA_PRODUCTS` those of quotas create more, and `REMOVAL_PRODUCTS` that of a namespace delete more.
//! `CHAOS_SECONDS`, `CHAOS_PRODUCTS` and `CHAOS_SEED` are of `chaos`. `RIGHTS=cluster` gives every operator the
//! chart's rights in the cluster, instead of those in the namespaces that it watches.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what they saw, and end where it is wrong"
)]

mod absence;
mod account;
mod accounts;
mod admission;
mod adopt;
mod alibaba;
mod canaries;
mod cel;
mod chaos;
mod charts;
mod check_now;
mod claims;
mod conflict;
mod crds;
mod create;
mod delete;
mod drift;
mod elsewhere;
mod evidence;
mod fairness;
mod faults;
mod finalizers;
mod huawei;
mod huawei_keys;
mod imports;
mod install;
mod intervals;
mod judge;
mod leader;
mod legacy;
mod lists;
mod loss;
mod manifest;
mod needles;
mod object;
mod operator;
mod opt_in;
mod orders;
mod outage;
mod outputs;
mod passwords;
mod policies;
mod quiet;
mod reasons;
mod refusals;
mod release;
mod removal;
mod renamed;
mod rights;
mod rules;
mod same_name;
mod scopes;
mod secrets;
mod session;
mod side;
mod startup;
mod states;
mod update;
mod vendor;
mod vendors;
mod wait;
mod waiting;
mod watching;
mod world;

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use session::{Session, Test};

/// Tests mostly wait, and each has an operator of its own.
const AT_A_TIME: usize = 4;

fn all() -> Vec<Test> {
    let tests = [
        absence::tests(),
        account::tests(),
        accounts::tests(),
        admission::tests(),
        adopt::tests(),
        alibaba::tests(),
        canaries::tests(),
        chaos::tests(),
        check_now::tests(),
        charts::tests(),
        claims::tests(),
        conflict::tests(),
        crds::tests(),
        create::tests(),
        delete::tests(),
        drift::tests(),
        fairness::tests(),
        faults::tests(),
        finalizers::tests(),
        imports::tests(),
        install::tests(),
        intervals::tests(),
        huawei::tests(),
        huawei_keys::tests(),
        leader::tests(),
        legacy::tests(),
        lists::tests(),
        loss::tests(),
        opt_in::tests(),
        orders::tests(),
        outage::tests(),
        passwords::tests(),
        policies::tests(),
        outputs::tests(),
        quiet::tests(),
        reasons::tests(),
        removal::tests(),
        refusals::tests(),
        release::tests(),
        renamed::tests(),
        rights::tests(),
        rules::tests(),
        scopes::tests(),
        same_name::tests(),
        secrets::tests(),
        startup::tests(),
        states::tests(),
        update::tests(),
        vendors::tests(),
        wait::tests(),
        waiting::tests(),
        watching::tests(),
    ];
    tests.into_iter().flatten().collect()
}

fn main() {
    iot_test_harness::supervise_if_asked();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let session = Arc::new(Session::new());
    let alone = [
        ("policies::the_document_is_as_tested", policies::the_document_is_as_tested as fn()),
        ("install::every_command_is_run_or_marked", install::every_command_is_run_or_marked),
        ("states::every_reason_is_reached", states::every_reason_is_reached),
    ];
    let alone = alone.map(|(name, check)| {
        Trial::test(name, move || {
            check();
            Ok(())
        })
    });
    let trials: Vec<Trial> = all().into_iter().map(|test| test.into_trial(&session)).chain(alone).collect();
    let everything = trials.len() as u64;
    let conclusion = libtest_mimic::run(&arguments, trials);
    // What only some tests leave unused, others may need.
    let measured = std::env::var_os(iot_test_harness::EXISTING_CLUSTER).is_none();
    let rights = (measured && conclusion.num_passed == everything).then(|| session.rights().verdict());
    // Ends the control plane before the process, so that nothing is left behind when the prompt is back.
    drop(session);
    match rights {
        Some(Ok(table)) => eprintln!("rights, and how often they were used:\n{table}"),
        Some(Err(vain)) => {
            eprintln!("the chart grants what no test's operator ever used:\n{vain}");
            std::process::exit(1);
        }
        None => {}
    }
    conclusion.exit();
}
