//! One process of the operator under test.

pub(crate) use iot_test_harness::{Flags, Operator};
