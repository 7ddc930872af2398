//! The operator's controllers as they ship, over an API server and the vendors in this process, on a clock that
//! jumps: every request of every operation goes wrong in every way, and the world has to end as it should.
//!
//! As a test it runs a selection. `CRASH_MATRIX=<file>` runs everything whose text contains `CRASH_ONLY` and writes
//! the table there; with `CRASH_MINUTES` no more pairs of two faults than fit into that time (0 for none).
//! `CRASH_REPLAY=<seed>` runs one case and prints its steps; with `CRASH_LOG` also what it logs.

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
mod ghost;
mod matrix;
mod operation;
mod page;
mod selection;
mod vendor;
mod wire;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use case::Case;
use libtest_mimic::Arguments;
use matrix::Tally;

/// As the operator has it; a run is mostly small texts and maps.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let told = |name: &str| std::env::var(name).ok();
    if told("CRASH_LOG").is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr).init();
    }
    if let Some(seed) = told("CRASH_REPLAY") {
        return replay(&seed);
    }
    let Some(file) = told("CRASH_MATRIX") else {
        return libtest_mimic::run(&Arguments::from_args(), selection::trials()).exit_code();
    };
    let only = told("CRASH_ONLY").unwrap_or_default();
    let minutes = told("CRASH_MINUTES").map(|text| text.parse().expect("a number of minutes"));
    let cases = matrix::plain().into_iter().filter(|case| case.to_string().contains(&only)).collect();
    let tally = matrix::run(cases, minutes.map(Duration::from_mins));
    let page = page::page(&tally);
    println!("{page}");
    if only.is_empty() && !file.is_empty() {
        std::fs::write(&file, page).expect("a place for the table");
    }
    verdict(&tally)
}

fn verdict(tally: &Tally) -> ExitCode {
    for failure in &tally.failures {
        println!("CRASH_REPLAY='{}': {}", failure.seed, failure.why);
    }
    println!(
        "{} runs, {} failures, {:.0} runs a second; the longest took {:?} of simulated time ({}); most vendor calls {} ({})",
        tally.runs,
        tally.failures.len(),
        tally.rate(),
        tally.slowest.0,
        tally.slowest.1,
        tally.calls.0,
        tally.calls.1
    );
    if tally.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(seed: &str) -> ExitCode {
    let case = Case::parse(seed).expect("a seed: vendor/operation/request:fault,…");
    let begun = Instant::now();
    let report = case.run();
    for (number, step) in report.steps.iter().enumerate() {
        let fault = step.fault.map(|fault| format!("  <- {fault}")).unwrap_or_default();
        println!("{number:3} {:8.3}s {:?} {}{fault}", step.at, step.side, step.what);
    }
    let wrong = report.wrong.as_deref().unwrap_or("nothing is wrong");
    println!(
        "{case}: good after {} requests and {:?} ({:?} of real time); {wrong}",
        report.until_good,
        report.took,
        begun.elapsed()
    );
    if report.wrong.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
