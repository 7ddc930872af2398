//! How strict the simulated API 2.0 is, beyond what the vendor's SDK can be made to send.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Answer, admin, send, start};
use iot_simulator::tencent::{Key, Product};
use iot_simulator::{Config, Fault, Quota, Rule, Settings, Simulator};
use serde_json::{Value, json};

const PATH: &str = "/v2/index.php";

fn unlimited() -> Simulator {
    start(Config { settings: Settings { quota: Quota::off(), ..Settings::default() }, ..Config::default() })
}

/// Parameters of a call, without its signature.
fn parameters(action: &str, own: &[(&str, &str)]) -> Vec<(String, String)> {
    static NONCE: AtomicU64 = AtomicU64::new(1);
    let nonce = NONCE.fetch_add(1, Ordering::Relaxed).to_string();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();
    let common = [
        ("Action", action),
        ("Region", "gz"),
        ("Timestamp", &now),
        ("Nonce", &nonce),
        ("SecretId", "AKIDEXAMPLE"),
    ];
    common.iter().chain(own).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Adds the signature; without `SignatureMethod` it is HMAC-SHA1.
fn signed(method: &str, host: &str, mut parameters: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut sorted = parameters.clone();
    sorted.sort();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("{method}{host}{PATH}?{}", pairs.join("&"));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"SECRETKEYEXAMPLE");
    parameters.push(("Signature".to_owned(), STANDARD.encode(hmac::sign(&key, text.as_bytes()))));
    parameters
}

/// Every byte as an escape, which no SDK does and every server must read.
fn form(parameters: &[(String, String)]) -> String {
    let escaped = |text: &str| {
        let escape = |out: String, byte| format!("{out}%{}", hex::encode([byte]));
        text.bytes().fold(String::new(), escape)
    };
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    pairs.join("&")
}

const FORM: &str = "application/x-www-form-urlencoded";

fn raw(simulator: &Simulator, method: &str, target: &str, content_type: &str, body: &str) -> Answer {
    let headers = [("Host", simulator.address().to_string()), ("Content-Type", content_type.to_owned())];
    send(simulator.address(), method, target, &headers, body.as_bytes()).answer().unwrap()
}

fn post(simulator: &Simulator, action: &str, own: &[(&str, &str)]) -> Value {
    let parameters = signed("POST", &simulator.address().to_string(), parameters(action, own));
    let answer = raw(simulator, "POST", PATH, FORM, &form(&parameters));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

fn create(simulator: &Simulator, name: &str) -> Value {
    post(simulator, "CreateProduct", &[("productName", name)])
}

fn page() -> [(&'static str, &'static str); 2] {
    [("pageNum", "1"), ("pageSize", "10")]
}

#[test]
fn requests_that_no_sdk_sends_are_refused_with_http_200() {
    let simulator = unlimited();
    let host = simulator.address().to_string();
    let list = || parameters("ListProducts", &page());
    let answer = |method: &str, content_type: &str, target: &str, body: &str| {
        let answer = raw(&simulator, method, target, content_type, body);
        assert_eq!(answer.status, 200);
        assert!(answer.json()["requestId"].is_null(), "no answer of this API has a request id");
        answer.json()["code"].as_i64().unwrap()
    };
    let body = || form(&signed("POST", &host, list()));
    assert_eq!(answer("POST", FORM, PATH, &body()), 0);
    assert_eq!(answer("POST", "application/x-www-form-urlencoded; charset=utf-8", PATH, &body()), 0);
    assert_eq!(
        answer("POST", FORM, &format!("{PATH}?Action=DeleteProduct"), &body()),
        0,
        "the query is ignored"
    );
    assert_eq!(answer("POST", "application/json", PATH, &body()), 4000);
    assert_eq!(answer("PUT", FORM, PATH, &body()), 4600);
    assert_eq!(answer("POST", FORM, PATH, ""), 4000);
    for name in ["Action", "Region", "Timestamp", "Nonce", "SecretId", "Signature"] {
        let mut parameters = signed("POST", &host, list());
        parameters.retain(|(key, _)| key != name);
        assert_eq!(answer("POST", FORM, PATH, &form(&parameters)), 4000, "{name}");
    }
    let twice = format!("{}&pageNum=2", body());
    assert_eq!(answer("POST", FORM, PATH, &twice), 4000);
    let other = form(&signed("POST", "127.0.0.1", list()));
    assert_eq!(answer("POST", FORM, PATH, &other), 4100, "the host is signed");
    let got = form(&signed("GET", &host, list()));
    assert_eq!(answer("POST", FORM, PATH, &got), 4100, "the method is signed");
    assert_eq!(answer("GET", FORM, &format!("{PATH}?{got}"), ""), 0);
    let mut altered = signed("POST", &host, list());
    for (_, value) in altered.iter_mut().filter(|(name, _)| name == "pageSize") {
        "20".clone_into(value);
    }
    assert_eq!(answer("POST", FORM, PATH, &form(&altered)), 4100);
    assert_eq!(raw(&simulator, "POST", "/v2/index.php/", FORM, &body()).status, 404);
    assert_eq!(raw(&simulator, "POST", "/v2", FORM, &body()).status, 404);
}

#[test]
fn a_used_nonce_is_refused_whatever_the_rest_says() {
    let simulator = unlimited();
    let host = simulator.address().to_string();
    let once = form(&signed("POST", &host, parameters("CreateProduct", &[("productName", "lamp")])));
    assert_eq!(raw(&simulator, "POST", PATH, FORM, &once).json()["code"], 0);
    assert_eq!(raw(&simulator, "POST", PATH, FORM, &once).json()["code"], 4500);
    assert_eq!(simulator.admin().tencent_legacy().product_count("legacy"), Ok(1));
    let calls = simulator.admin().calls();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.code.as_deref().unwrap(), call.applied, call.product_name.as_deref()))
        .collect();
    assert_eq!(told, [("OK", true, Some("lamp")), ("4500", false, Some("lamp"))]);
    assert!(calls.iter().all(|call| call.account == "legacy" && call.action == "CreateProduct"));
}

#[test]
fn faults_strike_this_api_in_its_own_form() {
    let simulator = unlimited();
    let admin = simulator.admin();
    let fault = |fault| admin.set_faults(vec![Rule::on("CreateProduct", fault).account("legacy").times(1)]);
    fault(Fault::Throttle);
    assert_eq!(create(&simulator, "lamp")["code"], 4400);
    fault(Fault::error("1000"));
    let refused = create(&simulator, "lamp");
    assert!(refused["message"].as_str().unwrap().starts_with("(1000)"), "{refused}");
    assert_eq!(admin.tencent_legacy().product_count("legacy"), Ok(0));
    fault(Fault::drop_after());
    let body = form(&signed(
        "POST",
        &simulator.address().to_string(),
        parameters("CreateProduct", &[("productName", "lamp")]),
    ));
    let headers = [("Host", simulator.address().to_string()), ("Content-Type", FORM.to_owned())];
    assert!(send(simulator.address(), "POST", PATH, &headers, body.as_bytes()).answer().is_none());
    let cut = admin.calls().pop().unwrap();
    assert!(cut.applied && cut.product_id.is_some(), "{cut:?}");
    assert_eq!(create(&simulator, "lamp")["message"], "(1001)product name exists");
    assert_eq!(admin.tencent_legacy().products_named("legacy", "lamp").unwrap().len(), 1);
}

#[test]
fn lists_may_lag_and_the_quota_is_the_accounts_own() {
    let simulator = unlimited();
    create(&simulator, "lamp");
    assert_eq!(post(&simulator, "ListProducts", &page())["totalCnt"], 1);
    simulator.admin().edit_settings(|settings| settings.list_lag_ms = 60_000);
    assert_eq!(post(&simulator, "ListProducts", &page())["totalCnt"], 0);
    let limited = start(Config::default());
    let code = || post(&limited, "ListProducts", &page())["code"].as_i64().unwrap();
    let passed = (0..10_000).take_while(|_| code() == 0).count();
    assert!((20..10_000).contains(&passed), "{passed}");
    let current = client::Client::new(&limited);
    assert_eq!(current.code("CreateProduct", &json!({"ProductName": "lamp"})), "OK");
    assert_eq!(create(&limited, "lamp")["code"], 0, "the APIs share neither names nor quotas");
}

#[test]
fn the_admin_interface_has_a_place_for_this_api() {
    let simulator = unlimited();
    let (handle, address) = (simulator.admin().tencent_legacy(), simulator.address());
    let id = create(&simulator, "lamp")["productID"].as_str().unwrap().to_owned();
    let (status, products) = admin(address, "GET", "tencent-legacy/accounts/legacy/products", "");
    assert_eq!((status, &products[0]["ProductId"]), (200, &json!(id)));
    assert_eq!(admin(address, "GET", "tencent/accounts/default/products", "").1, json!([]));
    assert_eq!(admin(address, "GET", "tencent/accounts/legacy", "").0, 404);
    let made = handle.create_product("legacy", Product::named("of the console")).unwrap();
    let listed = post(&simulator, "ListProducts", &page());
    assert_eq!(listed["products"][0]["productID"], made.product_id);
    handle.set_keys("legacy", vec![Key::new("AKIDEXAMPLE", "ROTATED")]).unwrap();
    assert_eq!(post(&simulator, "ListProducts", &page())["code"], 4100);
}
