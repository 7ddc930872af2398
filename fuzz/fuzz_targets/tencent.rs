#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iot_product_operator::fuzzing::run("tencent", data));
