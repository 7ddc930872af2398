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
mod matrix;
mod operation;
mod vendor;
mod wire;
mod world;

use case::Case;

fn main() {
    if std::env::var_os("CRASH_LOG").is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr).init();
    }
    if let Ok(seed) = std::env::var("CRASH_REPLAY") {
        return replay(&seed);
    }
    let only = std::env::var("CRASH_ONLY").unwrap_or_default();
    let stride = std::env::var("CRASH_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let cases: Vec<Case> =
        matrix::plain().into_iter().filter(|case| case.to_string().contains(&only)).collect();
    let tally = matrix::run(cases, matrix::follow(stride));
    println!("{}", matrix::table(&tally));
    for failure in &tally.failures {
        println!("CRASH_REPLAY='{}': {}", failure.seed, failure.why);
    }
    let rate = tally.runs as f64 / tally.took.as_secs_f64();
    println!(
        "{} runs, {} failures, {:.0} runs/s, slowest {:?}, most calls {:?}",
        tally.runs,
        tally.failures.len(),
        rate,
        tally.slowest,
        tally.calls
    );
}

fn replay(seed: &str) {
    let case = Case::parse(seed).expect("a seed");
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
