//! Argo CD (repo-server, application-controller, server) and Flux (kustomize-controller) at work: the real
//! programs, a real API server, the operator as it is built, and the vendor's simulator. What they are given is
//! what docs/install.md shows.
//!
//! `make gitops` (run.sh) builds the programs and runs this in a network namespace that has nothing but the
//! loopback interface; so ports are fixed. It prints what was seen, and ends at the first thing that was not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests say what they saw, and end where it is wrong"
)]

mod argo;
mod argo_story;
mod document;
mod factory;
mod flux;
mod flux_story;
mod git;
mod http;
mod lab;
mod program;
mod report;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures::FutureExt as _;

use lab::{Lab, Tools};

fn main() -> ExitCode {
    iot_test_harness::supervise_if_asked();
    let Some(tools) = Tools::from_environment() else {
        println!("gitops: left out, as it wants programs and a network of its own: run make gitops");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let good = runtime.block_on(async {
        let lab = Lab::start(tools).await;
        let told = AssertUnwindSafe(tell(&lab)).catch_unwind().await;
        if told.is_err() {
            lab.show_logs();
        }
        told.is_ok()
    });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn tell(lab: &Lab) {
    let only = std::env::var("GITOPS_ONLY").unwrap_or_default();
    if only != "flux" {
        argo_story::tell(lab).await;
    }
    if only != "argo" {
        flux_story::tell(lab).await;
    }
    println!("gitops: everything was seen");
}
