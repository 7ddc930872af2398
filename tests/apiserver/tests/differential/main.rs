//! The API server of this crate beside the real one: the same random requests to both, and the same answers.
//! Where they differ, the one of this crate is wrong. `DIFFERENTIAL_REQUESTS` sets how many requests a round
//! has, `DIFFERENTIAL_SEED` where the rounds begin.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it saw, and ends where it is wrong"
)]

mod pair;
mod random;

use std::path::Path;

use iot_test_harness::{ControlPlane, Options, install_crds};

use pair::Pair;
use random::Random;

const ROUNDS: u64 = 4;
const REQUESTS: u64 = 150;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    iot_test_harness::supervise_if_asked();
    if std::env::args().any(|argument| argument == "--list") {
        println!("random_requests: test");
        return;
    }
    let plane = ControlPlane::start(&Options::default()).expect("the control plane starts");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
        let client = plane.admin_client().await.expect("a client");
        install_crds(client.clone(), &definitions).await.expect("the definitions");
        let (requests, first) = (number("DIFFERENTIAL_REQUESTS", REQUESTS), number("DIFFERENTIAL_SEED", 1));
        for seed in first..first + ROUNDS {
            let namespace = plane.namespace("differential").await.expect("a namespace");
            let mut pair = Pair::new(client.clone(), &definitions, namespace.name()).await;
            let mut random = Random::new(seed);
            for _ in 0..requests {
                let request = random.request(namespace.name());
                pair.compare(&request).await;
            }
            let told = pair.compare_watches().await;
            pair.compare_end().await;
            println!("seed {seed}: {requests} requests, {told} events of watches and the end of a namespace, the same");
        }
    });
}
