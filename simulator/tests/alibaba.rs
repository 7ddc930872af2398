//! How strict the simulated Alibaba is, beyond what the vendor's SDKs can be made to send.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use client::{Answer, admin, send, start};
use iot_simulator::alibaba::{AccountConfig, Instance, Product, Throttling};
use iot_simulator::{CallState, Config, Fault, Quota, Rule, Settings, Simulator};
use serde_json::{Value, json};

type Pairs = Vec<(String, String)>;

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

fn query(pairs: &Pairs) -> String {
    let mut pairs = pairs.clone();
    pairs.sort();
    pairs.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect::<Vec<_>>().join("&")
}

/// A client that signs as RPC and can be made to send anything.
struct Client<'a> {
    simulator: &'a Simulator,
    nonces: AtomicU64,
}

impl<'a> Client<'a> {
    fn new(simulator: &'a Simulator) -> Self {
        Self { simulator, nonces: AtomicU64::new(0) }
    }

    /// Parameters of a call with the common ones; pairs given replace them, empty ones take them away.
    fn parameters(&self, action: &str, own: &[(&str, &str)]) -> Pairs {
        let nonce = self.nonces.fetch_add(1, Ordering::Relaxed).to_string();
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let common = [
            ("Action", action),
            ("Version", "2018-01-20"),
            ("Format", "JSON"),
            ("AccessKeyId", "testid"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &now),
            ("IotInstanceId", "iot-060a0xyz"),
        ];
        let kept = common.iter().filter(|(name, _)| !own.iter().any(|(other, _)| other == name));
        let all = kept.chain(own.iter().filter(|(_, value)| !value.is_empty()));
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn sign(method: &str, mut pairs: Pairs) -> Pairs {
        let text = format!("{method}&%2F&{}", encode(&query(&pairs)));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"testsecret&");
        let signature = base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        pairs.push(("Signature".to_owned(), signature));
        pairs
    }

    fn send(&self, method: &str, in_query: &Pairs, form: &Pairs) -> Option<Answer> {
        let host = self.simulator.address();
        let kind = "application/x-www-form-urlencoded".to_owned();
        let headers = [("Host", host.to_string()), ("Content-Type", kind)];
        send(host, method, &format!("/?{}", query(in_query)), &headers, query(form).as_bytes()).answer()
    }

    fn call(&self, action: &str, own: &[(&str, &str)]) -> Answer {
        let pairs = Self::sign("POST", self.parameters(action, own));
        self.send("POST", &pairs, &Pairs::new()).unwrap()
    }

    fn code(&self, action: &str, own: &[(&str, &str)]) -> String {
        let answer = self.call(action, own).json();
        if answer["Success"] == true { "OK".to_owned() } else { answer["Code"].as_str().unwrap().to_owned() }
    }

    fn create(&self, name: &str) -> String {
        let answer = self.call("CreateProduct", &[("ProductName", name), ("NodeType", "0")]).json();
        answer["ProductKey"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn total(&self) -> Value {
        let page = [("CurrentPage", "1"), ("PageSize", "200")];
        self.call("QueryProductList", &page).json()["Data"]["Total"].clone()
    }
}

const LIST: &[(&str, &str)] = &[("CurrentPage", "1"), ("PageSize", "1")];

fn unlimited() -> Simulator {
    start(Config { settings: Settings { quota: Quota::off(), ..Settings::default() }, ..Config::default() })
}

#[test]
fn clocks_nonces_and_forms_are_checked() {
    let simulator = unlimited();
    let client = Client::new(&simulator);
    let with = |extra: (&str, &str)| client.code("QueryProductList", &[LIST, &[extra]].concat());
    let at = |minutes: i64| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    assert_eq!(with(("Timestamp", &at(14))), "OK");
    assert_eq!(with(("Timestamp", &at(-14))), "OK");
    assert_eq!(with(("Timestamp", &at(16))), "InvalidTimeStamp.Expired");
    assert_eq!(with(("Timestamp", &at(-16))), "InvalidTimeStamp.Expired");
    assert_eq!(with(("Timestamp", "2024-05-20 12:00:00")), "InvalidTimeStamp.Format");
    assert_eq!(with(("Timestamp", "")), "MissingTimestamp");
    assert_eq!(with(("SignatureNonce", "once")), "OK");
    assert_eq!(with(("SignatureNonce", "once")), "SignatureNonceUsed");
    assert_eq!(with(("SignatureMethod", "HMAC-SHA256")), "InvalidSignatureMethod");
    assert_eq!(with(("AccessKeyId", "")), "MissingAccessKeyId");
    assert_eq!(with(("Version", "2017-04-20")), "InvalidVersion");
    assert_eq!(
        client.code("QueryProductList", &[("CurrentPage", "1"), ("PageSize", "+1")]),
        "InvalidPageSize"
    );
}

#[test]
fn parameters_may_come_in_query_and_form_and_all_are_signed() {
    let simulator = unlimited();
    let client = Client::new(&simulator);
    let whole = Client::sign("POST", client.parameters("QueryProductList", LIST));
    let (form, query): (Pairs, Pairs) = whole.into_iter().partition(|(name, _)| name.len() > 8);
    assert_eq!(client.send("POST", &query, &form).unwrap().json()["Success"], true);
    let get = Client::sign("GET", client.parameters("QueryProductList", LIST));
    assert_eq!(client.send("GET", &get, &Pairs::new()).unwrap().json()["Success"], true);
    let get = Client::sign("GET", client.parameters("QueryProductList", LIST));
    let answer = client.send("POST", &get, &Pairs::new()).unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["Code"], "SignatureDoesNotMatch", "the method is signed");
    assert!(answer.json()["Message"].as_str().unwrap().contains("server string to sign is:POST&%2F&"));
    assert_eq!(answer.json()["HostId"], simulator.address().to_string());
    let mut added = Client::sign("POST", client.parameters("QueryProductList", LIST));
    added.push(("Unknown".to_owned(), String::new()));
    assert_eq!(client.send("POST", &added, &Pairs::new()).unwrap().json()["Code"], "SignatureDoesNotMatch");
}

#[test]
fn without_a_format_answers_are_xml() {
    let simulator = unlimited();
    let client = Client::new(&simulator);
    let answer = client.call("QueryProductList", &[LIST, &[("Format", "")]].concat());
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(body.contains("<QueryProductListResponse>"), "{body}");
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    let answer = client.call("QueryProduct", &[("Format", "xml")]);
    assert!(String::from_utf8(answer.body).unwrap().contains("<Error><Code>MissingProductKey</Code>"));
}

#[test]
fn instances_keep_products_and_names_apart() {
    let simulator = unlimited();
    let (client, alibaba) = (Client::new(&simulator), simulator.admin().alibaba());
    let key = client.create("lamp");
    alibaba
        .edit_account("default", |config| {
            config.instances.push(Instance::new(""));
            config.instances.push(Instance { stopped: true, ..Instance::new("iot-stopped") });
        })
        .unwrap();
    let in_old = [("ProductKey", key.as_str()), ("IotInstanceId", "")];
    assert_eq!(client.code("QueryProduct", &in_old), "iot.prod.NotExistedProduct");
    let stopped = [("ProductKey", key.as_str()), ("IotInstanceId", "iot-stopped")];
    assert_eq!(client.code("QueryProduct", &stopped), "iot.Sre.IotInstanceStatusForbidden");
    let again = [("ProductName", "lamp"), ("NodeType", "0"), ("IotInstanceId", "")];
    assert_eq!(client.code("CreateProduct", &again), "OK");
    simulator.admin().edit_settings(|settings| settings.alibaba.names_unique_in_account = true);
    alibaba
        .delete_product("default", &alibaba.products_named("default", "lamp").unwrap()[1].product_key)
        .unwrap();
    assert_eq!(client.code("CreateProduct", &again), "iot.prod.AlreadyExistedProductName");
}

#[test]
fn every_action_has_the_quota_of_its_page() {
    let simulator = start(Config::default());
    let client = Client::new(&simulator);
    let update = [("ProductKey", "a1"), ("ProductName", "lamp")];
    let passed =
        (0..10_000).take_while(|_| client.code("UpdateProduct", &update) != "Throttling.User").count();
    assert!((10..10_000).contains(&passed), "{passed}");
    assert_eq!(client.code("QueryProduct", &[("ProductKey", "a1")]), "iot.prod.NotExistedProduct");
    simulator.admin().edit_settings(|settings| {
        settings.quota.actions.insert("QueryProduct".to_owned(), 0);
        settings.alibaba.throttling = Throttling::Header;
    });
    let answer = client.call("QueryProduct", &[("ProductKey", "a1")]);
    assert_eq!((answer.status, answer.header("x-acs-retry-after")), (429, Some("1000")));
    let deep = [("CurrentPage", "500"), ("PageSize", "200")];
    let passed = (0..10_000).take_while(|_| client.call("QueryProductList", &deep).status == 200).count();
    assert!((2..10_000).contains(&passed), "{passed}");
    assert_eq!(client.code("QueryProductList", LIST), "OK", "only deep pages are scarce");
}

#[test]
fn lists_and_reads_can_lag() {
    let simulator = unlimited();
    let (client, control) = (Client::new(&simulator), simulator.admin());
    control.edit_settings(|settings| {
        settings.list_lag_ms = 3_600_000;
        settings.alibaba.read_lag_ms = 3_600_000;
    });
    let key = client.create("lamp");
    assert_eq!(client.total(), 0);
    assert_eq!(client.code("QueryProduct", &[("ProductKey", &key)]), "iot.prod.NotExistedProduct");
    control.edit_settings(|settings| {
        settings.list_lag_ms = 0;
        settings.alibaba.read_lag_ms = 0;
    });
    assert_eq!(client.total(), 1);
    assert_eq!(client.code("QueryProduct", &[("ProductKey", &key)]), "OK");
}

#[test]
fn a_product_goes_with_its_devices_unless_told_otherwise() {
    let simulator = unlimited();
    let (client, alibaba) = (Client::new(&simulator), simulator.admin().alibaba());
    let key = client.create("lamp");
    alibaba.set_devices("default", &key, 5).unwrap();
    assert_eq!(client.code("DeleteProduct", &[("ProductKey", &key)]), "OK");
    assert_eq!(alibaba.product_count("default").unwrap(), 0);
    let mut shared = Product::named("shared");
    shared.owner = false;
    let key = alibaba.create_product("default", shared).unwrap().product_key;
    assert_eq!(client.code("DeleteProduct", &[("ProductKey", &key)]), "iot.Prod.NotProductOwner");
}

#[test]
fn faults_have_the_vendors_form_and_the_log_knows_the_product() {
    let simulator = unlimited();
    let (client, control) = (Client::new(&simulator), simulator.admin());
    control.add_fault(Rule::on("CreateProduct", Fault::drop_after()).times(1));
    control.add_fault(Rule::on("QueryProduct", Fault::error("iot.system.SystemException")).times(1));
    control.add_fault(Rule::on("QueryProduct", Fault::error("InternalError")).times(1));
    control.add_fault(Rule::on("QueryProduct", Fault::Throttle).times(1));
    let lamp = Client::sign(
        "POST",
        client.parameters("CreateProduct", &[("ProductName", "lamp"), ("NodeType", "0")]),
    );
    assert!(client.send("POST", &lamp, &Pairs::new()).is_none());
    let call = control.calls().pop().unwrap();
    assert_eq!((call.state, call.applied, call.account.as_str()), (CallState::Cut, true, "default"));
    let made = control.alibaba().products_named("default", "lamp").unwrap().pop().unwrap();
    assert_eq!(call.product_id.as_deref(), Some(made.product_key.as_str()));
    let read = || client.call("QueryProduct", &[("ProductKey", &made.product_key)]);
    let answers: Vec<_> =
        [read(), read(), read(), read()].iter().map(|a| (a.status, a.json()["Code"].clone())).collect();
    assert_eq!(
        answers,
        [
            (200, json!("iot.system.SystemException")),
            (500, json!("InternalError")),
            (400, json!("Throttling.User")),
            (200, Value::Null)
        ]
    );
    // Sent again as it was, the nonce tells that the first one arrived.
    assert_eq!(client.send("POST", &lamp, &Pairs::new()).unwrap().json()["Code"], "SignatureNonceUsed");
}

#[test]
fn a_client_that_is_late_finds_its_name_taken() {
    let simulator = unlimited();
    let (client, control) = (Client::new(&simulator), simulator.admin());
    control.add_fault(Rule::on("CreateProduct", Fault::late(20)).times(1));
    let lamp = Client::sign(
        "POST",
        client.parameters("CreateProduct", &[("ProductName", "lamp"), ("NodeType", "0")]),
    );
    assert!(client.send("POST", &lamp, &Pairs::new()).is_none());
    client::wait(control.wait_calls("CreateProduct", 1, Duration::from_secs(20))).unwrap();
    let again = [("ProductName", "lamp"), ("NodeType", "0")];
    assert_eq!(client.code("CreateProduct", &again), "iot.prod.AlreadyExistedProductName");
}

#[test]
fn accounts_and_products_are_changed_behind_the_apis_back() {
    let simulator = unlimited();
    let (address, client) = (simulator.address(), Client::new(&simulator));
    let products = "alibaba/accounts/default/products";
    let (status, made) =
        admin(address, "POST", products, r#"{"ProductName":"路灯 (north)","DeviceCount":2}"#);
    assert_eq!(status, 200, "{made}");
    let key = made["ProductKey"].as_str().unwrap();
    assert_eq!(made["ProductSecret"].as_str().map(str::len), Some(16));
    let edit = r#"{"ProductName":"renamed","Released":true,"Tags":{"env":"prod"}}"#;
    assert_eq!(admin(address, "PATCH", &format!("{products}/{key}"), edit).0, 200);
    let seen = client.call("QueryProduct", &[("ProductKey", key)]).json();
    assert_eq!(seen["Success"], true, "{seen}");
    assert_eq!((&seen["Data"]["ProductName"], &seen["Data"]["DeviceCount"]), (&json!("renamed"), &json!(2)));
    assert_eq!(admin(address, "GET", &format!("{products}?name=renamed"), "").1[0]["ProductKey"], key);
    assert_eq!(admin(address, "DELETE", &format!("{products}/{key}"), "").0, 200);
    assert_eq!(admin(address, "GET", &format!("{products}/{key}"), "").0, 404);
    let keys = r#"[{"access_key_id":"testid","access_key_secret":"testsecret","inactive":true}]"#;
    assert_eq!(admin(address, "PUT", "alibaba/accounts/default/keys", keys).0, 200);
    assert_eq!(client.code("QueryProductList", LIST), "InvalidAccessKeyId.Inactive");
    simulator.admin().alibaba().put_account(AccountConfig::new("other", "id2", "secret2"));
    assert_eq!(admin(address, "GET", "alibaba/accounts", "").1.as_array().map(Vec::len), Some(2));
}
