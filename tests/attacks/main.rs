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

mod addresses;
mod answers;
mod blinded;
mod claims;
mod double;
mod fairness;
mod floods;
mod forged;
mod held;
mod imports;
mod inputs;
mod lengths;
mod memory;
mod ports;
mod revoked;
mod rights;
mod session;
mod sizes;
mod takeover;
mod tenant;
mod texts;
mod times;
mod world;
mod writes;

use std::sync::Arc;

use libtest_mimic::Arguments;

use session::{Session, Test};

/// Tests mostly wait, and each has an operator of its own.
const AT_A_TIME: usize = 4;

fn all() -> Vec<Test> {
    if floods::asked() {
        return floods::tests();
    }
    let attacks = [
        addresses::tests(),
        blinded::tests(),
        claims::tests(),
        fairness::tests(),
        forged::tests(),
        held::tests(),
        imports::tests(),
        inputs::tests(),
        lengths::tests(),
        ports::tests(),
        revoked::tests(),
        rights::tests(),
        sizes::tests(),
        takeover::tests(),
        texts::tests(),
        times::tests(),
        writes::tests(),
    ];
    attacks.into_iter().flatten().collect()
}

fn main() {
    iot_test_harness::supervise_if_asked();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let session = Arc::new(Session::new());
    let trials = all().into_iter().map(|test| test.into_trial(&session)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    floods::print();
    // Ends the control plane before the process, so that nothing is left behind when the prompt is back.
    drop(session);
    conclusion.exit();
}
