//! The client against a vendor on loopback. The parts that fail are in `refusals`, changing ones in `changes`.

mod changes;
mod refusals;
mod simulated;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value as Json, json};

use super::*;
use crate::http::limit::{Lane, LimitSettings, Limiter};
use crate::http::testing::{Say, Seen, Server, transport};
use crate::metrics::Metrics;
use crate::vendor::huawei::{Attempts, BUDGETS, sign};
use crate::vendor::pages::REREADS;
use crate::vendor::{Fields, Value};

const BASE: &str = "/v2/p1/link/instances/i1";

fn key(attempts: &Arc<Attempts>) -> Credentials {
    Credentials::AccessKey {
        access_key: "AKEXAMPLE".into(),
        secret_key: "SKEXAMPLE".into(),
        security_token: None,
        attempts: Arc::clone(attempts),
    }
}

fn settings(url: Url) -> Settings {
    Settings {
        endpoint: Some(url),
        region: "cn-north-4".into(),
        project_id: "p1".into(),
        instance_id: "i1".into(),
        credentials: key(&Arc::new(Attempts::signing())),
        transport: Arc::new(transport()),
        limiter: Arc::new(Limiter::new(
            BUDGETS,
            LimitSettings { unsafe_raise: true, default: Some(10_000), ..LimitSettings::default() },
        )),
        metrics: Metrics::new(),
    }
}

fn client(server: &Server) -> Huawei {
    Huawei::new(settings(server.url("/")))
}

fn call() -> Call {
    Call::within(Lane::Edit, Duration::from_mins(1))
}

fn say(status: u16, content: &Json) -> Say {
    Say::with(status, &[], content.to_string())
}

fn refusal(status: u16, code: &str, message: &str) -> Say {
    say(status, &json!({"error_code": code, "error_msg": message, "request_id": "r-1"}))
}

/// A product as the vendor shows it.
fn lamp() -> Json {
    json!({
        "id": 9_007_199_254_740_993_i64, "product_serial": "S1", "app_id": "app", "name": "lamp",
        "manufacturer_id": "acme01", "manufacturer_name": "Acme", "model": "SL.100", "product_type": 0,
        "protocol_type": 0, "data_format": 0, "device_type": "Default", "description": "d", "version": "v1",
        "authentication": {"user_name": "lamp-user-1", "password": "********"}
    })
}

/// Its id, which a float would round.
const ID: &str = "9007199254740993";

fn create_request() -> CreateRequest {
    let text = |text: &str| Value::Text(text.into());
    CreateRequest {
        name: "lamp".into(),
        description: "lamps".into(),
        fields: Fields::from([
            ("huawei.appId", text("app")),
            ("huawei.manufacturerId", text("acme01")),
            ("huawei.manufacturerName", text("Acme")),
            ("huawei.model", text("SL.100")),
            ("huawei.protocolType", text("MQTT")),
        ]),
        inputs: BTreeMap::new(),
    }
}

async fn create(client: &Huawei, request: &CreateRequest) -> Result<String, VendorError> {
    let permit = client.reserve_create(call()).await?;
    client.create(request, permit, call()).await
}

/// What arrived, as method and path below the instance.
fn arrived(server: &Server) -> Vec<String> {
    let below = |seen: &Seen| seen.target.strip_prefix(BASE).unwrap_or(&seen.target).to_owned();
    server.seen().iter().map(|seen| format!("{} {}", seen.method, below(seen))).collect()
}

/// The signature of a request as it arrived, computed again from what arrived.
fn expected_authorization(seen: &Seen) -> String {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let names = ["content-type", "host", "x-project-id", "x-sdk-date", "x-security-token"];
    let headers: Vec<(&str, &str)> = names
        .into_iter()
        .filter(|name| seen.headers.contains_key(*name))
        .map(|name| (name, seen.header(name)))
        .collect();
    let signed =
        sign::Signed { method: seen.method.as_str(), path, query, headers: &headers, body: &seen.body };
    let key = Signer::new("AKEXAMPLE".into(), "SKEXAMPLE".into());
    key.authorize(signed, seen.header("x-sdk-date"))
}

#[tokio::test]
async fn a_create_is_signed_as_sent_and_returns_the_id_alone() {
    let server = Server::start(|_| say(201, &lamp())).await;
    let credentials = Credentials::AccessKey {
        access_key: "AKEXAMPLE".into(),
        secret_key: "SKEXAMPLE".into(),
        security_token: Some("ST".into()),
        attempts: Arc::new(Attempts::signing()),
    };
    let client = Huawei::new(Settings { credentials, ..settings(server.url("/")) });
    assert_eq!(create(&client, &create_request()).await.unwrap(), ID);
    let seen = &server.seen()[0];
    assert_eq!((&seen.method, seen.target.as_str()), (&Method::POST, "/v2/p1/link/instances/i1/products"));
    assert_eq!(seen.header("authorization"), expected_authorization(seen));
    let signed = "SignedHeaders=content-type;host;x-project-id;x-sdk-date;x-security-token,";
    assert!(seen.header("authorization").contains(signed));
    for (name, value) in [
        ("content-type", "application/json;charset=UTF-8"),
        ("x-project-id", "p1"),
        ("x-security-token", "ST"),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert_eq!(seen.json()["name"], "lamp");
    assert_eq!(seen.json()["description"], "lamps");
}

#[tokio::test]
async fn a_list_is_signed_with_its_query_and_read_to_its_end() {
    for (total, pages) in [(0, 1), (1, 1), (500, 1), (501, 2), (1001, 3)] {
        let server = Server::start(move |seen| page(seen, total, |n| n)).await;
        let products = client(&server).list(call()).await.unwrap();
        assert_eq!(products.len() as u64, total);
        assert!(products.iter().all(|product| !product.full && product.serial.is_some()));
        let targets: Vec<_> =
            (0..pages).map(|page| format!("GET /products?limit=500&offset={}", page * 500)).collect();
        assert_eq!(arrived(&server), targets);
        for seen in server.seen() {
            assert_eq!(seen.header("authorization"), expected_authorization(&seen));
            assert_eq!(seen.header("content-type"), "");
        }
    }
}

/// A page of products whose ids are `id(n)`, at most 500 long.
fn page(seen: &Seen, total: u64, id: impl Fn(u64) -> u64) -> Say {
    let offset = seen.target.split_once("offset=").unwrap().1.split('&').next().unwrap().parse().unwrap();
    let items: Vec<Json> = (offset..total.min(offset + 500))
        .map(|n| json!({"id": 1000 + id(n), "name": format!("n{n}"), "product_serial": format!("S{n}")}))
        .collect();
    say(200, &json!({"total": total, "size": items.len(), "items": items}))
}

#[tokio::test]
async fn a_list_whose_total_changes_is_read_again() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        let total = if calls.fetch_add(1, Ordering::Relaxed) == 0 { 600 } else { 601 };
        page(seen, total, |n| n)
    })
    .await;
    assert_eq!(client(&server).list(call()).await.unwrap().len(), 601);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_list_that_never_agrees_with_its_total_is_no_list() {
    let twice = Server::start(|seen| page(seen, 600, |n| if n == 599 { 0 } else { n })).await;
    let error = client(&twice).list(call()).await.unwrap_err();
    assert_eq!((error.class, error.object.as_str()), (Class::Unavailable, "products"));
    assert!(error.message.contains("changed"), "{error}");
    assert_eq!(twice.seen().len(), 2 * (1 + REREADS));
    let nameless = Server::start(|_| say(200, &json!({"total": 1, "items": [{"id": 1}]}))).await;
    assert_eq!(client(&nameless).list(call()).await.unwrap_err().class, Class::Unavailable);
}

#[tokio::test]
async fn a_read_shows_the_product_and_only_the_one_that_was_asked_for() {
    let server = Server::start(|_| say(200, &lamp())).await;
    let client = client(&server);
    let product = client.read(ID, call()).await.unwrap();
    assert!(product.full);
    assert_eq!((product.id.as_str(), product.serial.as_deref()), (ID, Some("S1")));
    assert_eq!(product.fields["huawei.userName"], Value::Text("lamp-user-1".into()));
    let other = client.read("9007199254740992", call()).await.unwrap_err();
    assert_eq!((other.class, other.effect), (Class::Unavailable, Effect::Unclear));
    let odd = client.read("1/../2", call()).await.unwrap_err();
    assert_eq!((odd.class, odd.effect), (Class::Spec, Effect::NotSent));
    assert_eq!(arrived(&server), [format!("GET /products/{ID}"), "GET /products/9007199254740992".into()]);
}

#[tokio::test]
async fn devices_are_the_summary() {
    let server = Server::start(|_| say(200, &json!({"summary": 42}))).await;
    assert_eq!(client(&server).devices(ID, call()).await.unwrap(), 42);
    assert_eq!(arrived(&server), [format!("GET /products/{ID}/devices-summary")]);
    let empty = Server::start(|_| say(200, &json!({}))).await;
    assert_eq!(client(&empty).devices(ID, call()).await.unwrap_err().class, Class::Unavailable);
}

#[test]
fn the_region_chooses_the_host_and_the_port_is_signed_when_it_is_sent() {
    let host = |url: &str| host_header(&Url::parse(url).unwrap());
    assert_eq!(host_header(&region_url("roma", "cn-north-4")), "roma.cn-north-4.myhuaweicloud.com");
    assert_eq!(host_header(&region_url("iam", "cn-north-4")), "iam.cn-north-4.myhuaweicloud.com");
    assert_eq!(host_header(&region_url("roma", "a b")), "invalid");
    assert_eq!(host("http://127.0.0.1:8080/"), "127.0.0.1:8080");
    assert_eq!(host("https://a.example.com:443/"), "a.example.com");
}

#[tokio::test]
async fn no_debug_text_shows_a_key() {
    let server = Server::start(|_| Say::Cut).await;
    let client = client(&server);
    let text = format!("{client:?}");
    assert!(text.contains("/v2/p1/link/instances/i1") && !text.contains("EXAMPLE"), "{text}");
}
