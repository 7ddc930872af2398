//! The operator under attack: a tenant who edits manifests as no guide says, a vendor that answers as no document
//! says, a client that only holds connections. Each attack is tried on the binary and a real API server, with a
//! tenant's rights and no more, and asserts what the others still have: their products, their Secrets, their turn.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what they saw, and end where it is wrong"
)]

mod answers;
mod double;
mod session;
mod tenant;
mod world;

mod blinded;
mod claims;
mod fairness;
mod revoked;
mod takeover;

use std::sync::Arc;

use libtest_mimic::Arguments;

use session::{Session, Test};

/// Tests mostly wait, and each has an operator of its own.
const AT_A_TIME: usize = 4;

fn all() -> Vec<Test> {
    [blinded::tests(), claims::tests(), fairness::tests(), revoked::tests(), takeover::tests()]
        .into_iter()
        .flatten()
        .collect()
}

fn main() {
    iot_test_harness::supervise_if_asked();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let session = Arc::new(Session::new());
    let trials = all().into_iter().map(|test| test.into_trial(&session)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Ends the control plane before the process, so that nothing is left behind when the prompt is back.
    drop(session);
    conclusion.exit();
}
