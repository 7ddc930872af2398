//! `make bench`: the operator and an ordinary one in Go, one after the other, on a real control plane each time.
//!
//! `BENCH=quick` has fewer products and rows. `BENCH_ONLY=quota,free,rest,first,soak` takes some measurements; the soak,
//! `SOAK_MINUTES` of edits and sweeps of ours alone, is made only when it is named. `BENCH_OURS=1` leaves the
//! reference out. `BENCH_OPERATOR` and `BENCH_REFERENCE` are the binaries, `BENCH_JSON` the file for the figures.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench says what it saw, and ends where something is wrong"
)]

mod bare;
mod contender;
mod create;
mod edit;
mod report;
mod rest;
mod soak;
mod stage;
mod stats;

use std::path::PathBuf;

use contender::{Binaries, Contender};
use report::Report;

fn main() {
    iot_test_harness::supervise_if_asked();
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("no provider yet");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let report = runtime.expect("a runtime").block_on(measure());
    println!("{}\n{}", machine(), report.table());
    if let Some(file) = told("BENCH_JSON") {
        std::fs::write(&file, format!("{:#}\n", report.json())).expect("a place for the figures");
    }
}

async fn measure() -> Report {
    let quick = told("BENCH").as_deref() == Some("quick");
    let only = told("BENCH_ONLY");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only.split(',').any(|one| one == name));
    let contenders =
        Contender::BOTH.into_iter().filter(|&one| one == Contender::Ours || told("BENCH_OURS").is_none());
    let contenders: Vec<Contender> = contenders.collect();
    let path = |name: &str| told(name).map(PathBuf::from).unwrap_or_default();
    let binaries = Binaries { ours: path("BENCH_OPERATOR"), reference: path("BENCH_REFERENCE") };
    let number = |full: usize, less: usize| {
        told("BENCH_PRODUCTS").and_then(|text| text.parse().ok()).unwrap_or(if quick { less } else { full })
    };

    let mut report = Report::default();
    for &one in &contenders {
        if wanted("first") {
            report.add("first", one.name(), create::first_call(one, &binaries).await);
        }
        if wanted("free") {
            let rest = (!quick).then_some(rest::AT_REST);
            let figures = create::without_quota(one, &binaries, number(1000, 1000), rest).await;
            report.add("free", one.name(), figures);
        }
        if wanted("quota") {
            report.add("quota", one.name(), create::with_quota(one, &binaries, number(1000, 300)).await);
        }
        if wanted("rest") && !(quick && only.is_none()) {
            report.add("rest", one.name(), rest::at_rest(one, &binaries, number(10_000, 2000)).await);
        }
    }
    if only.is_some() && wanted("soak") {
        let minutes = told("SOAK_MINUTES").and_then(|text| text.parse().ok()).unwrap_or(30);
        report.add(
            "soak",
            Contender::Ours.name(),
            soak::soak(&binaries, number(10_000, 1000), minutes).await,
        );
    }
    if wanted("free") {
        report.add("free", "bare", create::bare(number(1000, 1000)).await);
    }
    report
}

fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What it ran on.
fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{cores} cores, load {} at the end", load.join(" "))
}
