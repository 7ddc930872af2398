//! The vendor's own SDKs of ROMA Connect and IAM are the judges: they must get along with the simulator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;
mod python;

use iot_simulator::Config;

#[test]
fn the_vendors_sdk_gets_along_with_the_simulator() {
    let simulator = client::start(Config::default());
    let checks = python::checks("requirements-huawei.txt", "huawei_sdk.py", &simulator.address().to_string());
    assert!(checks >= 150, "{checks}");
    for action in [
        "CreateProduct",
        "ListProducts",
        "ShowProduct",
        "UpdateProduct",
        "DeleteProduct",
        "ListDevicesInProduct",
        "ShowProductAuthentication",
        "ResetProductAuthentication",
        "KeystoneCreateUserTokenByPassword",
    ] {
        assert!(simulator.admin().count(action) > 0, "{action}");
    }
}
