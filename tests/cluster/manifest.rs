//! The manifests that users are promised to work, moved into a test's namespace and to its simulator.

pub(crate) use iot_test_harness::manifest::{
    CREDENTIALS, Contract, KEY, TENCENT_ACCOUNT, THERMOSTAT, named, named_anywhere,
};
