//! The admin interface over HTTP, and the binary that serves it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use client::{Client, admin, start};
use iot_simulator::Config;
use serde_json::json;

#[test]
fn products_are_made_changed_and_removed_behind_the_apis_back() {
    let simulator = start(Config::default());
    let (address, client) = (simulator.address(), Client::new(&simulator));
    let products = "tencent/accounts/default/products";
    let (status, made) =
        admin(address, "POST", products, r#"{"ProductName":"Lamp (north) 灯","DeviceCount":2}"#);
    assert_eq!(status, 200, "{made}");
    let id = made["ProductId"].as_str().unwrap();
    let seen = client.call("DescribeProduct", &json!({"ProductId": id})).response();
    assert_eq!(seen["ProductName"], "Lamp (north) 灯");
    let edit = r#"{"ProductName":"renamed","ProductDescription":"d","RegisterType":2,"RegisterLimit":7,"ForbiddenStatus":1,"ProductSecret":"s3cret","DeviceCount":0}"#;
    assert_eq!(admin(address, "PATCH", &format!("{products}/{id}"), edit).0, 200);
    let seen = client.call("DescribeProduct", &json!({"ProductId": id})).response();
    assert_eq!(seen["ProductName"], "renamed");
    let properties = &seen["ProductProperties"];
    assert_eq!(properties["RegisterLimit"], 7);
    assert_eq!(properties["ForbiddenStatus"], 1);
    assert_eq!(properties["ProductSecret"], "s3cret");
    assert_eq!(admin(address, "GET", &format!("{products}?name=renamed"), "").1[0]["ProductId"], id);
    assert_eq!(admin(address, "GET", products, "").1[0]["ProductSecret"], "s3cret");
    assert_eq!(admin(address, "POST", products, &format!(r#"{{"ProductId":"{id}"}}"#)).0, 409);
    assert_eq!(admin(address, "PATCH", &format!("{products}/{id}"), r#"{"Colour":"red"}"#).0, 400);
    assert_eq!(admin(address, "DELETE", &format!("{products}/{id}"), "").0, 200);
    assert_eq!(admin(address, "GET", &format!("{products}/{id}"), "").0, 404);
    assert_eq!(client.code("DescribeProduct", &json!({"ProductId": id})), "ResourceNotFound.ProductNotExist");
}

#[test]
fn accounts_keys_settings_and_faults_are_set() {
    let simulator = start(Config::default());
    let (address, client) = (simulator.address(), Client::new(&simulator));
    let account = r#"{"keys":[{"secret_id":"AKIDB","secret_key":"KEYB"}],"regions":["ap-guangzhou"]}"#;
    assert_eq!(admin(address, "PUT", "tencent/accounts/b", account).0, 200);
    let b = Client { secret_id: "AKIDB".to_owned(), secret_key: "KEYB".to_owned(), ..client.clone() };
    b.create("lamp");
    assert_eq!(admin(address, "PATCH", "tencent/accounts/b", r#"{"suspended":true}"#).0, 200);
    assert_eq!(b.code("CreateProduct", &json!({"ProductName": "x"})), "FailedOperation.AccountIsolated");
    let keys = r#"[{"secret_id":"AKIDB2","secret_key":"KEYB2"}]"#;
    assert_eq!(admin(address, "PUT", "tencent/accounts/b/keys", keys).0, 200);
    assert_eq!(b.code("CreateProduct", &json!({"ProductName": "x"})), "AuthFailure.SecretIdNotFound");
    let key = r#"{"secret_id":"AKIDB","secret_key":"KEYB"}"#;
    assert_eq!(admin(address, "POST", "tencent/accounts/b/keys", key).0, 200);
    assert_eq!(b.code("DescribePrivateCAs", &json!({})), "OK");
    assert_eq!(admin(address, "DELETE", "tencent/accounts/b/keys/AKIDB", "").0, 200);
    assert_eq!(b.code("DescribePrivateCAs", &json!({})), "AuthFailure.SecretIdNotFound");
    assert_eq!(admin(address, "GET", "tencent/accounts/nobody", "").0, 404);

    let patch = r#"{"quota":{"per_second":3},"tencent":{"empty_region":true}}"#;
    let (_, settings) = admin(address, "PATCH", "settings", patch);
    assert_eq!(
        (&settings["quota"]["per_second"], &settings["quota"]["mode"]),
        (&json!(3), &json!("sliding"))
    );
    let made = client.call("CreateProduct", &json!({"ProductName": "lamp"})).response();
    assert_eq!(made["ProductProperties"]["Region"], "");

    let rule = r#"{"action":"DescribePrivateCAs","fault":{"kind":"error","code":"InternalError"}}"#;
    assert_eq!(admin(address, "POST", "faults", rule).0, 200);
    assert_eq!(client.code("DescribePrivateCAs", &json!({})), "InternalError");
    assert_eq!(admin(address, "GET", "faults", "").1[0]["used"], 1);
    assert_eq!(admin(address, "PUT", "faults", "[]").0, 200);
    assert_eq!(client.code("DescribePrivateCAs", &json!({})), "OK");
    assert_eq!(admin(address, "POST", "faults", r#"{"fault":{"kind":"explode"}}"#).0, 400);
    assert_eq!(admin(address, "GET", "nonsense", "").0, 404);
}

#[test]
fn the_call_log_counts_and_held_calls_are_released() {
    let simulator = start(Config::default());
    let (address, client) = (simulator.address(), Client::new(&simulator));
    let rule = r#"{"action":"CreateProduct","times":1,"fault":{"kind":"hang","when":"after"}}"#;
    admin(address, "POST", "faults", rule);
    let pending = client.begin("CreateProduct", &json!({"ProductName": "lamp"}));
    let (status, held) = admin(address, "GET", "wait?action=CreateProduct&state=held&timeout_ms=20000", "");
    assert_eq!((status, &held["state"], &held["product_name"]), (200, &json!("held"), &json!("lamp")));
    let released = admin(address, "POST", &format!("release?sequence={}", held["sequence"]), "").1;
    assert_eq!(released["released"], 1);
    let id = pending.answer().unwrap().response()["ProductId"].clone();
    assert_eq!(id, held["product_id"]);
    assert_eq!(admin(address, "GET", "wait?action=CreateProduct&at_least=1", "").1["count"], 1);
    assert_eq!(admin(address, "GET", "wait?action=DeleteProduct&timeout_ms=10", "").0, 408);
}

#[test]
fn calls_are_counted_from_the_start_or_from_a_mark() {
    let simulator = start(Config::default());
    let (address, client) = (simulator.address(), Client::new(&simulator));
    client.create("lamp");
    client.code("CreateProduct", &json!({"ProductName": "lamp"}));
    let counts = admin(address, "GET", "counts", "").1;
    assert_eq!(
        counts,
        json!([
            {"account": "default", "action": "CreateProduct", "code": "InvalidParameterValue.ProductAlreadyExist", "count": 1},
            {"account": "default", "action": "CreateProduct", "code": "OK", "count": 1},
        ])
    );
    let calls = admin(address, "GET", "calls?since=1", "").1;
    assert_eq!((&calls["next"], calls["calls"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(admin(address, "GET", "counts?since=1", "").1.as_array().unwrap().len(), 1);
    admin(address, "POST", "reset", "");
    assert_eq!(admin(address, "GET", "counts", "").1, json!([]));
    assert_eq!(admin(address, "GET", "calls", "").1["next"], 2, "sequence numbers are never used twice");
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn the_binary_says_where_it_listens() {
    let process = Command::new(env!("CARGO_BIN_EXE_iot-simulator"))
        .args(["--listen", "127.0.0.1:0", "--secret-id", "AKIDCLI", "--secret-key", "CLIKEY", "--seed", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Running(process);
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
    let health = admin(address, "GET", "health", "");
    let accounts = admin(address, "GET", "tencent/accounts", "").1;
    assert_eq!(health.1["status"], "ok");
    assert_eq!(accounts[0]["keys"][0]["secret_id"], "AKIDCLI");
}
