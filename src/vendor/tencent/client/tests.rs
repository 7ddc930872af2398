//! The client against a vendor on loopback. The parts that fail are in `refusals`.

mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::*;
use crate::http::limit::{Lane, LimitSettings, Limiter};
use crate::http::testing::{Say, Seen, Server, transport};
use crate::metrics::Metrics;
use crate::vendor::pages::REREADS;
use crate::vendor::tencent::BUDGETS;
use crate::vendor::{Fields, Value};

fn settings(url: Url) -> Settings {
    Settings {
        endpoint: Some(url),
        site: TencentSite::Domestic,
        region: "ap-guangzhou".into(),
        secret_id: "AKIDEXAMPLE".into(),
        secret_key: "SECRETKEYEXAMPLE".into(),
        token: None,
        transport: Arc::new(transport()),
        limiter: Arc::new(Limiter::new(BUDGETS, LimitSettings::default())),
        metrics: Metrics::new(),
    }
}

fn client(server: &Server) -> Tencent {
    Tencent::new(settings(server.url("/")))
}

fn call() -> Call {
    Call::within(Lane::Edit, Duration::from_mins(1))
}

fn response(mut content: Json) -> Say {
    content["RequestId"] = "r-1".into();
    Say::ok(json!({ "Response": content }).to_string())
}

fn refusal(code: &str) -> Say {
    response(json!({ "Error": { "Code": code, "Message": "the vendor's words" } }))
}

fn create_request() -> CreateRequest {
    CreateRequest {
        name: "meter-a".into(),
        description: "meters".into(),
        fields: Fields::from([("encryption", Value::Text("Symmetric".into()))]),
        inputs: BTreeMap::new(),
    }
}

async fn create(client: &Tencent, request: &CreateRequest) -> Result<String, VendorError> {
    let permit = client.reserve_create(call()).await?;
    client.create(request, permit, call()).await
}

/// The signature of a request as it arrived, computed again from what arrived.
fn expected_authorization(seen: &Seen) -> String {
    let timestamp = seen.header("x-tc-timestamp").parse().unwrap();
    let date = sign::utc_date(jiff::Timestamp::from_second(timestamp).unwrap());
    let action = seen.header("x-tc-action").to_lowercase();
    let headers = [
        ("content-type", seen.header("content-type")),
        ("host", seen.header("host")),
        ("x-tc-action", action.as_str()),
    ];
    let signed = sign::Signed { method: "POST", query: "", headers: &headers, body: &seen.body };
    let canonical = sign::canonical_request(signed, &sign::payload_hash(&seen.body));
    let text = sign::string_to_sign(timestamp, &date, "iotcloud", &canonical);
    let [_, _, key] = sign::derived_keys(&"SECRETKEYEXAMPLE".into(), &date, "iotcloud");
    sign::authorization("AKIDEXAMPLE", &date, "iotcloud", signed, &sign::signature(key.as_ref(), &text))
}

#[tokio::test]
async fn a_create_is_signed_as_sent_and_returns_the_id_alone() {
    let server =
        Server::start(|_| response(json!({"ProductId": "K3X9Q2ZL7B", "ProductName": "other"}))).await;
    let client = Tencent::new(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    assert_eq!(create(&client, &create_request()).await.unwrap(), "K3X9Q2ZL7B");
    let seen = &server.seen()[0];
    assert_eq!(seen.header("authorization"), expected_authorization(seen));
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-tc-action", "CreateProduct"),
        ("x-tc-version", "2021-04-08"),
        ("x-tc-region", "ap-guangzhou"),
        ("x-tc-language", "en-US"),
        ("x-tc-requestclient", "iot-product-operator"),
        ("x-tc-token", "TOKEN"),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert_eq!(seen.json()["ProductName"], "meter-a");
    assert_eq!(seen.json()["ProductProperties"]["EncryptionType"], "2");
    assert_eq!(seen.json().get("Skey"), None);
}

#[tokio::test]
async fn the_lora_key_goes_into_create_and_delete() {
    let server = Server::start(|_| response(json!({"ProductId": "A"}))).await;
    let client = client(&server);
    let inputs = BTreeMap::from([(SKEY, SecretString::from("skey-value"))]);
    let request = CreateRequest { inputs: inputs.clone(), ..create_request() };
    create(&client, &request).await.unwrap();
    client.delete(Target::id("A"), &inputs, call()).await.unwrap();
    client.delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap();
    let sent: Vec<Json> = server.seen().iter().map(Seen::json).collect();
    assert_eq!((&sent[0]["Skey"], &sent[1]["Skey"]), (&json!("skey-value"), &json!("skey-value")));
    assert_eq!(sent[2], json!({"ProductId": "A"}));
}

#[tokio::test]
async fn a_read_shows_the_product_and_only_the_one_that_was_asked_for() {
    let server = Server::start(|_| {
        response(
            json!({"ProductId": "A", "ProductName": "n", "ProductMetadata": {"CreationDate": 1_740_475_425},
            "ProductProperties": {"EncryptionType": 2, "RegisterType": "2", "RegisterLimit": "5"}}),
        )
    })
    .await;
    let client = client(&server);
    let product = client.read("A", call()).await.unwrap();
    assert!(product.full);
    assert_eq!((product.name.as_str(), product.created_at), ("n", Some(1_740_475_425)));
    assert_eq!(product.fields["dynamicRegistration.limit"], Value::Number(5));
    let other = client.read("B", call()).await.unwrap_err();
    assert_eq!((other.class, other.effect), (Class::Unavailable, Effect::Unclear));
    assert_eq!(server.seen()[0].json(), json!({"ProductId": "A"}));
}

#[tokio::test]
async fn devices_are_the_total_of_the_smallest_page() {
    let server = Server::start(|_| response(json!({"TotalCount": 42, "Devices": []}))).await;
    assert_eq!(client(&server).devices("A", call()).await.unwrap(), 42);
    assert_eq!(server.seen()[0].json(), json!({"ProductId": "A", "Offset": 0, "Limit": 10}));
}

#[tokio::test]
async fn an_update_makes_its_calls_in_order_and_returns_the_secret() {
    let server = Server::start(|seen| match seen.header("x-tc-action") {
        "UpdateProductDynamicRegister" => response(json!({"RegisterType": 1, "ProductSecret": "s"})),
        _ => response(json!({})),
    })
    .await;
    let wish = Fields::from([
        ("enabled", Value::Flag(true)),
        ("dynamicRegistration.mode", Value::Text("PreRegistered".into())),
        ("tencent.privateCaName", Value::Text("ca".into())),
    ]);
    let changes = Changes { desired: wish.clone(), set: wish, observed: Fields::new() };
    let secret = client(&server).update(Target::id("A"), &changes, call()).await.unwrap();
    assert_eq!(secret.unwrap().expose_secret(), "s");
    let seen = server.seen();
    let sent: Vec<_> = seen.iter().map(|seen| (seen.header("x-tc-action"), seen.json())).collect();
    assert_eq!(
        sent,
        [
            ("SetProductsForbiddenStatus", json!({"ProductId": ["A"], "Status": 0})),
            (
                "UpdateProductDynamicRegister",
                json!({"ProductId": "A", "RegisterType": 1, "RegisterLimit": 10000})
            ),
            ("UpdateProductPrivateCA", json!({"ProductId": "A", "CertName": "ca"})),
        ]
    );
}

/// A page of products `first..last` out of `total`.
fn page(seen: &Seen, total: u64, names: impl Fn(u64) -> u64) -> Say {
    let offset = seen.json()["Offset"].as_u64().unwrap();
    let limit = seen.json()["Limit"].as_u64().unwrap();
    let entry = |n: u64| json!({"ProductId": format!("P{}", names(n)), "ProductName": format!("n{n}")});
    let products: Vec<Json> = (offset..total.min(offset + limit)).map(entry).collect();
    response(json!({"TotalCount": total, "Products": products}))
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    for (total, pages) in [(0, 1), (250, 1), (251, 2), (501, 3)] {
        let server = Server::start(move |seen| page(seen, total, |n| n)).await;
        let products = client(&server).list(call()).await.unwrap();
        assert_eq!(products.len() as u64, total);
        assert!(products.iter().all(|product| !product.full));
        let offsets: Vec<_> = server.seen().iter().map(|seen| seen.json()["Offset"].clone()).collect();
        assert_eq!(offsets, (0..pages).map(|page| json!(page * 250)).collect::<Vec<_>>());
        assert!(server.seen().iter().all(|seen| seen.json()["Limit"] == 250));
    }
}

#[tokio::test]
async fn a_list_whose_total_changes_is_read_again() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        // One product comes to be between the first and the second page.
        let total = if calls.fetch_add(1, Ordering::Relaxed) == 0 { 300 } else { 301 };
        page(seen, total, |n| n)
    })
    .await;
    assert_eq!(client(&server).list(call()).await.unwrap().len(), 301);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_list_that_never_agrees_with_its_total_is_no_list() {
    let twice = Server::start(|seen| page(seen, 300, |n| if n == 299 { 0 } else { n }));
    let short = Server::start(|seen| {
        let products = if seen.json()["Offset"] == 0 {
            json!([{"ProductId": "A", "ProductName": "n"}])
        } else {
            json!([])
        };
        response(json!({"TotalCount": 2, "Products": products}))
    });
    for server in [twice.await, short.await] {
        let error = client(&server).list(call()).await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable);
        assert!(error.message.contains("changed"), "{error}");
        assert_eq!(server.seen().len(), 2 * (1 + REREADS));
    }
}

#[tokio::test]
async fn an_entry_without_id_makes_the_list_unreadable() {
    let server =
        Server::start(|_| response(json!({"TotalCount": 1, "Products": [{"ProductName": "n"}]}))).await;
    let error = client(&server).list(call()).await.unwrap_err();
    assert_eq!((error.class, error.object.as_str()), (Class::Unavailable, "products"));
    assert_eq!(error.action, "DescribeProducts");
}

#[test]
fn the_site_chooses_the_host_and_the_port_is_signed_when_it_is_sent() {
    let host = |url: &str| host_header(&Url::parse(url).unwrap());
    assert_eq!(host_header(&site_url(TencentSite::Domestic)), "iotcloud.tencentcloudapi.com");
    assert_eq!(host_header(&site_url(TencentSite::International)), "iotcloud.intl.tencentcloudapi.com");
    assert_eq!(host("http://127.0.0.1:8080/"), "127.0.0.1:8080");
    assert_eq!(host("https://a.example.com:443/"), "a.example.com");
    assert_eq!(host("https://[::1]:8443/"), "[::1]:8443");
}

#[tokio::test]
async fn no_debug_text_shows_a_key() {
    let server = Server::start(|_| Say::Cut).await;
    let client = Tencent::new(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    let text = format!("{client:?}");
    assert!(!text.contains("EXAMPLE") && !text.contains("TOKEN"), "{text}");
}
