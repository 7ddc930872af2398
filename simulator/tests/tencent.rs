//! How strict the simulated Tencent is, beyond what the vendor's SDK can be made to send.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;

use client::{Client, send, start};
use iot_simulator::tencent::{AccountConfig, Key, Product, Quirks};
use iot_simulator::{Config, Quota, Settings, Simulator};
use serde_json::{Value, json};

type Headers = Vec<(&'static str, String)>;

fn unlimited() -> Simulator {
    start(Config { settings: Settings { quota: Quota::off(), ..Settings::default() }, ..Config::default() })
}

fn page(offset: usize, limit: usize) -> Value {
    json!({"Offset": offset, "Limit": limit})
}

#[test]
fn requests_that_no_sdk_sends_are_refused_with_http_200() {
    let simulator = unlimited();
    let client = Client::new(&simulator);
    let raw = |change: &dyn Fn(&mut Headers), body: &[u8]| {
        let mut headers = client.headers("DescribeProducts", body);
        change(&mut headers);
        let answer = send(client.address, "POST", "/", &headers, body).answer().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.json()["Response"]["RequestId"].as_str().is_some_and(|id| id.len() == 36));
        answer.code()
    };
    let body = page(0, 10).to_string().into_bytes();
    let without = |name: &'static str| move |headers: &mut Headers| headers.retain(|h| h.0 != name);
    assert_eq!(raw(&|_| {}, &body), "OK");
    assert_eq!(raw(&without("X-TC-Action"), &body), "MissingParameter");
    assert_eq!(raw(&without("X-TC-Version"), &body), "MissingParameter");
    assert_eq!(raw(&without("X-TC-Timestamp"), &body), "MissingParameter");
    assert_eq!(raw(&without("X-TC-Region"), &body), "MissingParameter");
    assert_eq!(raw(&without("Authorization"), &body), "AuthFailure.InvalidAuthorization");
    assert_eq!(raw(&|_| {}, b"{"), "InvalidParameter");
    assert_eq!(raw(&|_| {}, b"[]"), "InvalidParameter");
    assert_eq!(raw(&|_| {}, br#"{"Offset":0,"Limit":10,"Filters":[]}"#), "UnknownParameter");
    assert_eq!(raw(&|_| {}, br#"{"Offset":"0","Limit":10}"#), "InvalidParameter");
    // The action is signed: an answer to another question can not be had with this signature.
    let swap = |headers: &mut Headers| {
        for header in headers.iter_mut().filter(|header| header.0 == "X-TC-Action") {
            header.1 = "DeleteProduct".to_owned();
        }
    };
    assert_eq!(raw(&swap, &body), "AuthFailure.SignatureFailure");
    let late = |headers: &mut Headers| {
        for header in headers.iter_mut().filter(|header| header.0 == "X-TC-Timestamp") {
            header.1 = (client.now() + 1).to_string();
        }
    };
    assert_eq!(raw(&late, &body), "AuthFailure.SignatureFailure");
}

#[test]
fn versions_methods_paths_clocks_and_sizes_are_checked() {
    let simulator = unlimited();
    let client = Client::new(&simulator);
    let old = Client { version: "2017-01-01".to_owned(), ..client.clone() };
    assert_eq!(old.code("DescribeProducts", &page(0, 10)), "NoSuchVersion");
    assert_eq!(client.code("RenameProduct", &json!({})), "InvalidAction");
    for (skew, code) in [
        (290, "OK"),
        (-290, "OK"),
        (310, "AuthFailure.SignatureExpire"),
        (-310, "AuthFailure.SignatureExpire"),
    ] {
        let skewed = Client { skew, ..client.clone() };
        assert_eq!(skewed.code("DescribeProducts", &page(0, 10)), code, "{skew}");
    }
    let body = b"{}";
    let put = send(client.address, "PUT", "/", &client.headers("DescribeProducts", body), body);
    assert_eq!(put.answer().unwrap().code(), "UnsupportedProtocol");
    let elsewhere = send(client.address, "POST", "/v3", &client.headers("DescribeProducts", body), body);
    assert_eq!(elsewhere.answer().unwrap().status, 404);
    let text = Client { content_type: "text/plain".to_owned(), ..client.clone() };
    assert_eq!(text.code("DescribeProducts", &page(0, 10)), "InvalidRequest");
    let charset = Client { content_type: "application/json; charset=utf-8".to_owned(), ..client };
    assert_eq!(charset.code("DescribeProducts", &page(0, 10)), "OK");
}

#[test]
fn keys_can_be_rotated_and_need_their_token() {
    let simulator = unlimited();
    let (admin, client) = (simulator.admin(), Client::new(&simulator));
    let id = client.create("lamp");
    let temporary = Key { token: Some("SESSION".to_owned()), ..Key::new("AKIDNEW", "NEWKEY") };
    admin.tencent().set_keys("default", vec![temporary]).unwrap();
    let probe = json!({"ProductId": id});
    assert_eq!(client.code("DescribeProduct", &probe), "AuthFailure.SecretIdNotFound");
    let mut fresh = Client { secret_id: "AKIDNEW".to_owned(), secret_key: "NEWKEY".to_owned(), ..client };
    assert_eq!(fresh.code("DescribeProduct", &probe), "AuthFailure.TokenFailure");
    fresh.token = Some("SESSION".to_owned());
    assert_eq!(fresh.code("DescribeProduct", &probe), "OK");
    admin.tencent().remove_key("default", "AKIDNEW").unwrap();
    assert_eq!(fresh.code("DescribeProduct", &probe), "AuthFailure.SecretIdNotFound");
}

#[test]
fn twenty_calls_of_one_action_fit_into_a_second() {
    let simulator = start(Config::default());
    let client = Client::new(&simulator);
    let passed = (0..10_000).take_while(|_| client.code("DescribeProducts", &page(0, 10)) == "OK").count();
    assert!((20..10_000).contains(&passed), "{passed}");
    let count =
        |code: &str| simulator.admin().counts().iter().filter(|c| c.code == code).map(|c| c.count).sum();
    let (ok, throttled): (u64, u64) = (count("OK"), count("RequestLimitExceeded"));
    assert_eq!((ok, throttled), (passed as u64, 1));
    assert_eq!(client.code("DescribePrivateCAs", &json!({})), "OK", "every action has its own quota");
}

#[test]
fn a_whole_account_is_paged_once_and_a_product_quota_holds() {
    let simulator = unlimited();
    let (admin, client) = (simulator.admin(), Client::new(&simulator));
    for n in 0..600 {
        admin.tencent().create_product("default", Product::named(&format!("p{n}"))).unwrap();
    }
    let mut ids = std::collections::BTreeSet::new();
    for offset in [0, 250, 500, 750] {
        let answer = client.call("DescribeProducts", &page(offset, 250)).response();
        assert_eq!(answer["TotalCount"], 600);
        for product in answer["Products"].as_array().unwrap() {
            assert!(ids.insert(product["ProductId"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(ids.len(), 600);
    admin.tencent().set_product_limit("default", 600).unwrap();
    assert_eq!(
        client.code("CreateProduct", &json!({"ProductName": "one-more"})),
        "LimitExceeded.ProductExceedLimit"
    );
}

#[test]
fn an_isolated_account_may_read_only() {
    let simulator = unlimited();
    let (admin, client) = (simulator.admin(), Client::new(&simulator));
    let id = client.create("lamp");
    admin.tencent().suspend("default", true).unwrap();
    assert_eq!(client.code("CreateProduct", &json!({"ProductName": "b"})), "FailedOperation.AccountIsolated");
    assert_eq!(client.code("DeleteProduct", &json!({"ProductId": id})), "FailedOperation.AccountIsolated");
    assert_eq!(client.code("DescribeProduct", &json!({"ProductId": id})), "OK");
}

#[test]
fn regions_hide_products_only_when_told_to() {
    let simulator = unlimited();
    let (admin, south) = (simulator.admin(), Client::new(&simulator));
    let north = south.clone().region("ap-beijing");
    let id = south.create("lamp");
    let probe = json!({"ProductId": id});
    assert_eq!(north.code("DescribeProduct", &probe), "OK");
    assert_eq!(
        north.code("CreateProduct", &json!({"ProductName": "lamp"})),
        "InvalidParameterValue.ProductAlreadyExist"
    );
    admin.edit_settings(|settings| settings.regions_hide_products = true);
    assert_eq!(north.code("DescribeProduct", &probe), "ResourceNotFound.ProductNotExist");
    assert_eq!(north.code("DeleteProduct", &probe), "ResourceNotFound.ProductNotExist");
    assert_ne!(north.create("lamp"), id);
    assert_eq!(north.call("DescribeProducts", &page(0, 10)).response()["TotalCount"], 1);
    assert_eq!(south.code("DescribeProduct", &probe), "OK");
}

#[test]
fn a_batch_with_an_unknown_product_changes_nothing() {
    let simulator = unlimited();
    let (admin, client) = (simulator.admin(), Client::new(&simulator));
    let id = client.create("lamp");
    let batch = json!({"ProductId": [id, "NOSUCHONE0"], "Status": 1});
    assert_eq!(client.code("SetProductsForbiddenStatus", &batch), "ResourceNotFound.ProductNotExist");
    assert_eq!(admin.tencent().product("default", &id).unwrap().forbidden_status, 0);
    assert_eq!(
        client.code("SetProductsForbiddenStatus", &json!({"ProductId": [], "Status": 1})),
        "InvalidParameter"
    );
    assert_eq!(
        client.code("SetProductsForbiddenStatus", &json!({"ProductId": [id], "Status": 2})),
        "InvalidParameterValue"
    );
}

#[test]
fn a_create_does_not_honour_what_has_actions_of_its_own() {
    let simulator = unlimited();
    let client = Client::new(&simulator);
    let properties =
        json!({"RegisterType": 2, "RegisterLimit": 5, "ForbiddenStatus": 1, "ProductSecret": "x"});
    let wish = json!({"ProductName": "lamp", "ProductProperties": properties});
    let made = client.call("CreateProduct", &wish).response();
    assert_eq!(made["ProductProperties"]["RegisterType"], 0);
    assert_eq!(made["ProductProperties"]["ForbiddenStatus"], 0);
    assert_eq!(made["ProductProperties"]["ProductSecret"], "");
}

#[test]
fn quirks_and_the_legacy_envelope_are_switched_while_it_runs() {
    let simulator = unlimited();
    let (admin, client) = (simulator.admin(), Client::new(&simulator));
    admin.edit_settings(|settings| {
        settings.tencent = Quirks {
            legacy_envelope: true,
            create_answer_differs: true,
            secret_changes_on_update: true,
            international: true,
            ..Quirks::default()
        };
    });
    let made = client.call("CreateProduct", &json!({"ProductName": "lamp"})).response();
    assert_ne!(made["ProductName"], "lamp");
    let id = &made["ProductId"];
    let again = client.call("CreateProduct", &json!({"ProductName": "lamp"})).json();
    assert_eq!(again["codeDesc"], "InvalidParameterValue.ProductAlreadyExist");
    let update = json!({"ProductId": id, "RegisterType": 1, "RegisterLimit": 1});
    let secret = || client.call("UpdateProductDynamicRegister", &update).response()["ProductSecret"].clone();
    assert_ne!(secret(), secret());
    let bind = client.call("UpdateProductPrivateCA", &json!({"ProductId": id, "CertName": "ca"})).json();
    assert_eq!(bind["codeDesc"], "InvalidAction");
}

#[test]
fn accounts_do_not_see_each_other_and_simulators_share_nothing() {
    let config = || Config {
        settings: Settings { quota: Quota::off(), ..Settings::default() },
        tencent: vec![AccountConfig::default(), AccountConfig::new("other", "AKIDOTHER", "OTHERKEY")],
        seed: Some(42),
        ..Config::default()
    };
    let (one, two) = (start(config()), start(config()));
    let client = Client::new(&one);
    let other =
        Client { secret_id: "AKIDOTHER".to_owned(), secret_key: "OTHERKEY".to_owned(), ..client.clone() };
    let id = client.create("lamp");
    assert_eq!(other.code("DescribeProduct", &json!({"ProductId": id})), "ResourceNotFound.ProductNotExist");
    other.create("lamp");
    assert_eq!(two.admin().tencent().product_count("default"), Ok(0));
    assert_eq!(Client::new(&two).create("lamp"), id, "the same seed gives the same ids");
}
