use super::*;

fn busy() -> Metrics {
    let metrics = Metrics::new();
    metrics.reconciled("IotProduct", Duration::from_millis(20));
    metrics.vendor_request("TencentCloud", "CreateProduct", "OK", Duration::from_millis(80));
    metrics.limiter_observer("TencentCloud").throttled("CreateProduct");
    metrics.limiter_observer("TencentCloud").waited(Lane::Edit, Duration::from_millis(3));
    let state = ProductState { vendor: "TencentCloud", ready: "True", reason: "Available" };
    metrics.products(&BTreeMap::from([(state, 3)]));
    metrics.drift_detected("dynamicRegistration.limit");
    metrics.time_to_ready(Duration::from_secs(2));
    metrics.secret_written();
    metrics.watch_event("IotProduct");
    metrics.leader(true);
    metrics
}

#[test]
fn every_documented_metric_is_encoded_with_its_labels() {
    let text = busy().encode();
    let documented = [
        "iot_operator_reconcile_duration_seconds_count{kind=\"IotProduct\"} 1",
        "iot_operator_vendor_requests_total{vendor=\"TencentCloud\",action=\"CreateProduct\",code=\"OK\"} 1",
        "iot_operator_vendor_request_duration_seconds_count{vendor=\"TencentCloud\",action=\"CreateProduct\"} 1",
        "iot_operator_vendor_throttled_total{vendor=\"TencentCloud\"} 1",
        "iot_operator_limiter_wait_seconds_count{lane=\"edit\"} 1",
        "iot_operator_products{vendor=\"TencentCloud\",ready=\"True\",reason=\"Available\"} 3",
        "iot_operator_drift_detected_total{field=\"dynamicRegistration.limit\"} 1",
        "iot_operator_time_to_ready_seconds_sum 2.0",
        "iot_operator_secret_writes_total 1",
        "iot_operator_watch_last_event_timestamp_seconds{kind=\"IotProduct\"} 1",
        "iot_operator_leader 1",
        "iot_operator_build_info{version=\"",
    ];
    for line in documented {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_measured() {
    let text = busy().encode();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        let value: f64 = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap();
        value
    };
    assert!(value("process_resident_memory_bytes") > 1_000_000.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_threads") >= 1.0);
    assert!(value("process_start_time_seconds") > 1_700_000_000.0);
}

#[test]
fn states_without_products_disappear() {
    let metrics = busy();
    let state = ProductState { vendor: "TencentCloud", ready: "False", reason: "QuotaExceeded" };
    metrics.products(&BTreeMap::from([(state, 2)]));
    let text = metrics.encode();
    assert!(text.contains("reason=\"QuotaExceeded\"} 2"), "{text}");
    assert!(!text.contains("reason=\"Available\""), "{text}");
}

#[test]
fn codes_are_no_free_text_and_few() {
    let metrics = Metrics::new();
    let call = |code: &str| metrics.vendor_request("TencentCloud", "X", code, Duration::ZERO);
    for odd in ["", "a b", "quote\"", "新", &"x".repeat(100)] {
        call(odd);
    }
    call("InvalidParameterValue.ProductNotExist");
    (0..1000).for_each(|i| call(&format!("Code{i}")));
    call("InvalidParameterValue.ProductNotExist");
    let text = metrics.encode();
    let codes: Vec<_> = text.lines().filter(|line| line.contains("requests_total{")).collect();
    assert_eq!(codes.len(), MOST_CODES + 1);
    let count =
        |code: &str| codes.iter().find(|line| line.contains(&format!("\"{code}\"")))?.rsplit(' ').next();
    assert_eq!(count("InvalidParameterValue.ProductNotExist"), Some("2"));
    assert_eq!(count("other"), Some((5 + 1001 - MOST_CODES).to_string().as_str()));
}
