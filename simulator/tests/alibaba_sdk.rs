//! The vendor's own SDKs are the judges: they must get along with the simulator in every form of request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;
mod python;

use iot_simulator::Config;

#[test]
fn the_vendors_sdks_get_along_with_the_simulator() {
    let simulator = client::start(Config::default());
    let checks =
        python::checks("requirements-alibaba.txt", "alibaba_sdk.py", &simulator.address().to_string());
    assert!(checks >= 300, "{checks}");
    assert!(simulator.admin().count("CreateProduct") > 20);
}
