//! The operator's controllers as they ship, over an API server and the vendors in this process, on a clock that
//! jumps: every request of every operation goes wrong in every way, and the world has to end as it should.
//!
//! `CRASH_REPLAY=<seed>` runs one case and prints its steps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests say what they saw, and end where it is wrong"
)]

mod case;
mod check;
mod fault;
mod gate;
mod operation;
mod vendor;
mod wire;
mod world;

use case::Case;

fn main() {
    let seed = std::env::var("CRASH_REPLAY").unwrap_or_else(|_| "tencent/create/".to_owned());
    if std::env::var_os("CRASH_LOG").is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr).init();
    }
    let case = Case::parse(&seed).expect("a seed");
    let begun = std::time::Instant::now();
    let report = case.run();
    for (number, step) in report.steps.iter().enumerate() {
        let fault = step.fault.map(|fault| format!("  <- {fault}")).unwrap_or_default();
        println!("{number:3} {:8.3}s {:?} {}{fault}", step.at, step.side, step.what);
    }
    println!(
        "{case}: {} good after {:?}: {:?} (real {:?})",
        report.until_good,
        report.took,
        report.wrong,
        begun.elapsed()
    );
}
