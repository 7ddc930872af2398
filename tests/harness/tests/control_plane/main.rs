//! The harness against the real programs: what tests that use it rely on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's assertions, and what a test's copy tells it"
)]

mod lifetime;
mod processes;
mod serving;

use std::future::Future;
use std::sync::LazyLock;

use iot_test_harness::{ControlPlane, Options, supervise_if_asked};
use libtest_mimic::{Arguments, Trial};

/// Shared by the tests that leave its programs alone; ends with this process.
static SHARED: LazyLock<ControlPlane> = LazyLock::new(start);

fn start() -> ControlPlane {
    ControlPlane::start(&Options::default()).expect("the control plane starts")
}

fn main() {
    supervise_if_asked();
    lifetime::act_if_asked();
    let trials = vec![
        test("a namespace ends with everything in it", serving::namespace_ends),
        test("a dependent goes with its owner", serving::garbage_is_collected),
        test("RBAC decides what users may do and the audit log tells them apart", serving::users),
        test("arrived before the mark is not counted", serving::marks),
        test("custom resource definitions are served when installed", serving::definitions),
        test("the version that was asked for serves", serving::version),
        test("kubectl is at hand", serving::kubectl),
        test("what is stored outlives every program", serving::faults),
        test("a paused API server answers after it is resumed", serving::pause),
        test("dropping leaves nothing behind", lifetime::dropped),
        test("a killed parent leaves nothing behind", lifetime::parent_killed),
        test("a parent killed while starting leaves nothing behind", lifetime::parent_killed_early),
        test("a program that ends at once is reported with its log", lifetime::broken_program),
        test("an existing cluster is used when named", lifetime::existing_cluster),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn test(name: &str, run: fn()) -> Trial {
    Trial::test(name, move || {
        run();
        Ok(())
    })
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
