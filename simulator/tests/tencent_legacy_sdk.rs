//! The vendor's own SDK of API 2.0 is the judge: it must get along with the simulator in every form of
//! request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;
mod python;

use iot_simulator::Config;

#[test]
fn the_vendors_sdk_gets_along_with_the_simulator() {
    let simulator = client::start(Config::default());
    let address = simulator.address().to_string();
    let checks = python::checks("requirements-tencent-legacy.txt", "tencent_legacy_sdk.py", &address);
    assert!(checks >= 150, "{checks}");
    assert_eq!(simulator.admin().tencent().product_count("default"), Ok(0), "the newer API has its own");
}
