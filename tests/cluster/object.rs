//! Objects as a user sees them.

pub(crate) use iot_test_harness::{Kind, Object};
