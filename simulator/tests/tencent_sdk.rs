//! The vendor's own SDK is the judge: it must get along with the simulator in every form of request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;
mod python;

use iot_simulator::Config;

#[test]
fn the_vendors_sdk_gets_along_with_the_simulator() {
    let simulator = client::start(Config::default());
    let checks = python::checks("requirements.txt", "tencent_sdk.py", &simulator.address().to_string());
    assert!(checks >= 200, "{checks}");
    assert!(simulator.admin().count("CreateProduct") > 20);
}
