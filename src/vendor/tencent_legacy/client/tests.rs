//! The client against a vendor on loopback. The parts that fail are in `refusals`; the whole against
//! the simulated vendor is in `simulated`.

mod refusals;
mod simulated;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::http::limit::{Lane, LimitSettings, Limiter};
use crate::http::testing::{Say, Seen, Server, transport};
use crate::metrics::Metrics;
use crate::vendor::Value;
use crate::vendor::pages::REREADS;
use crate::vendor::tencent_legacy::sign;

/// The budget is out of the way: what it does is tested where it is.
fn limiter() -> Arc<Limiter> {
    let budgets = super::super::BUDGETS;
    let settings = LimitSettings { default: Some(1000), unsafe_raise: true, ..LimitSettings::default() };
    Arc::new(Limiter::new(budgets, settings))
}

fn settings(url: Url) -> Settings {
    Settings {
        endpoint: Some(url),
        region: "gz".into(),
        secret_id: "AKIDEXAMPLE".into(),
        secret_key: "SECRETKEYEXAMPLE".into(),
        token: None,
        transport: Arc::new(transport()),
        limiter: limiter(),
        metrics: Metrics::new(),
    }
}

fn client(server: &Server) -> TencentLegacy {
    TencentLegacy::new(settings(server.url("/")))
}

fn call() -> Call {
    Call::within(Lane::Edit, Duration::from_mins(1))
}

fn success(mut content: Json) -> Say {
    content["code"] = 0.into();
    content["message"] = "".into();
    content["codeDesc"] = "Success".into();
    Say::ok(content.to_string())
}

fn create_request() -> CreateRequest {
    CreateRequest {
        name: "meter-a".into(),
        description: "温度 +&= meters".into(),
        fields: Fields::from([("encryption", Value::Text("Symmetric".into()))]),
        inputs: BTreeMap::new(),
    }
}

async fn create(client: &TencentLegacy, request: &CreateRequest) -> Result<String, VendorError> {
    let permit = client.reserve_create(call()).await?;
    client.create(request, permit, call()).await
}

/// Names and decoded values of a form, as a server reads them.
fn form(seen: &Seen) -> BTreeMap<String, String> {
    // The URL type decodes a query as a form, which is not how the client encodes one.
    let query = format!("http://h/?{}", std::str::from_utf8(&seen.body).unwrap());
    Url::parse(&query).unwrap().query_pairs().into_owned().collect()
}

/// The signature of a request as it arrived, computed again from what arrived.
fn expected_signature(seen: &Seen) -> String {
    let form = form(seen);
    let pairs = form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let text = sign::string_to_sign("POST", seen.header("host"), &seen.target, pairs);
    sign::signature(sign::ALGORITHM, &"SECRETKEYEXAMPLE".into(), &text)
}

#[tokio::test]
async fn a_create_is_signed_as_sent_and_returns_the_id_alone() {
    let server = Server::start(|_| success(json!({"productID": "K3X9Q2ZL7B", "productName": "other"}))).await;
    let client = TencentLegacy::new(Settings { token: Some("TOKEN".into()), ..settings(server.url("/x")) });
    assert_eq!(create(&client, &create_request()).await.unwrap(), "K3X9Q2ZL7B");
    let seen = &server.seen()[0];
    assert_eq!(seen.target, "/v2/index.php", "no parameter is in the URL");
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let mut form = form(seen);
    assert_eq!(form.remove("Signature").unwrap(), expected_signature(seen));
    let timestamp: i64 = form.remove("Timestamp").unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - timestamp).abs() < 60);
    assert!(form.remove("Nonce").unwrap().parse::<u32>().unwrap() > 0);
    let properties: Json = serde_json::from_str(&form.remove("productProperties").unwrap()).unwrap();
    let expected = json!({"productDescription": "温度 +&= meters", "encryptionType": "2", "region": "gz",
        "productType": 0});
    assert_eq!(properties, expected);
    let rest = [
        ("Action", "CreateProduct"),
        ("Region", "gz"),
        ("SecretId", "AKIDEXAMPLE"),
        ("SignatureMethod", "HmacSHA256"),
        ("Token", "TOKEN"),
        ("productName", "meter-a"),
    ];
    assert_eq!(form, rest.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn every_attempt_has_a_nonce_of_its_own() {
    let server = Server::start(|_| success(json!({"totalCnt": 0, "devices": []}))).await;
    let (one, two) = (client(&server), client(&server));
    for _ in 0..5 {
        one.devices("A", call()).await.unwrap();
        two.devices("A", call()).await.unwrap();
    }
    let nonces: HashSet<String> = server.seen().iter().map(|seen| form(seen)["Nonce"].clone()).collect();
    assert_eq!(nonces.len(), 10);
}

#[tokio::test]
async fn devices_are_the_total_of_the_smallest_page_and_a_delete_names_the_product() {
    let server = Server::start(|_| success(json!({"totalCnt": 42, "devices": []}))).await;
    let client = client(&server);
    assert_eq!(client.devices("A", call()).await.unwrap(), 42);
    client.delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap();
    let [devices, delete] = server.seen().iter().map(form).collect::<Vec<_>>().try_into().unwrap();
    let of = |form: &BTreeMap<String, String>, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| form[*name].clone()).collect()
    };
    assert_eq!(
        of(&devices, &["Action", "productID", "pageNum", "pageSize"]),
        ["ListDevices", "A", "1", "10"]
    );
    assert_eq!(of(&delete, &["Action", "productID"]), ["DeleteProduct", "A"]);
}

/// A page of the products out of `total`.
fn page(seen: &Seen, total: u64, names: impl Fn(u64) -> u64) -> Say {
    let form = form(seen);
    let number = |name: &str| form[name].parse::<u64>().unwrap();
    let (size, skip) = (number("pageSize"), (number("pageNum") - 1) * number("pageSize"));
    let entry = |n: u64| {
        json!({"productID": format!("P{}", names(n)), "productName": format!("n{n}"),
        "productMetadata": {"creationDate": 1_535_385_948_000_i64}, "productProperties": {}})
    };
    let products: Vec<Json> = (skip..total.min(skip + size)).map(entry).collect();
    success(json!({"totalCnt": total, "products": products}))
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    for (total, pages) in [(0, 1), (250, 1), (251, 2), (501, 3)] {
        let server = Server::start(move |seen| page(seen, total, |n| n)).await;
        let products = client(&server).list(call()).await.unwrap();
        assert_eq!(products.len() as u64, total);
        assert!(products.iter().all(|product| product.created_at == Some(1_535_385_948)));
        let seen: Vec<_> = server.seen().iter().map(form).collect();
        let numbers: Vec<_> = seen.iter().map(|form| form["pageNum"].clone()).collect();
        assert_eq!(numbers, (1..=pages).map(|page: u64| page.to_string()).collect::<Vec<_>>());
        assert!(seen.iter().all(|form| form["pageSize"] == "250" && form["Action"] == "ListProducts"));
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
        let products = match form(seen)["pageNum"].as_str() {
            "1" => json!([{"productID": "A", "productName": "n"}]),
            _ => json!([]),
        };
        success(json!({"totalCnt": 2, "products": products}))
    });
    for server in [twice.await, short.await] {
        let error = client(&server).list(call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::Unclear));
        assert!(error.message.contains("changed"), "{error}");
        assert_eq!(server.seen().len(), 2 * (1 + REREADS));
        let error = client(&server).read("A", call()).await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable, "an incomplete list shows nothing, not even what it has");
    }
}

#[tokio::test]
async fn an_entry_without_id_makes_the_list_unreadable() {
    let server = Server::start(|_| success(json!({"totalCnt": 1, "products": [{"productName": "n"}]}))).await;
    let error = client(&server).list(call()).await.unwrap_err();
    assert_eq!((error.class, error.object.as_str()), (Class::Unavailable, "products"));
}

#[tokio::test]
async fn a_read_is_a_complete_list() {
    let server = Server::start(|seen| page(seen, 251, |n| n)).await;
    let client = client(&server);
    let product = client.read("P250", call()).await.unwrap();
    assert_eq!((product.id.as_str(), product.name.as_str(), product.full), ("P250", "n250", false));
    assert_eq!(server.seen().len(), 2);
    let error = client.read("P251", call()).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_unclear());
    assert_eq!(error.to_string(), "ListProducts of P251: the account's list does not show it");
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn the_vendors_host_and_path_are_fixed_and_the_port_is_signed_when_it_is_sent() {
    let of = |url: Url| {
        let client = TencentLegacy::new(Settings { limiter: limiter(), ..settings(url) });
        (client.url.to_string(), client.host)
    };
    let fixed = |url: &str, host: &str| (url.to_owned(), host.to_owned());
    assert_eq!(vendor_url().as_str(), "https://iotcloud.api.qcloud.com/");
    assert_eq!(
        of(vendor_url()),
        fixed("https://iotcloud.api.qcloud.com/v2/index.php", "iotcloud.api.qcloud.com")
    );
    let local = Url::parse("http://127.0.0.1:8080").unwrap();
    assert_eq!(of(local), fixed("http://127.0.0.1:8080/v2/index.php", "127.0.0.1:8080"));
    let other = Url::parse("https://proxy.example.com:443/").unwrap();
    assert_eq!(of(other), fixed("https://proxy.example.com/v2/index.php", "proxy.example.com"));
}

#[tokio::test]
async fn no_debug_text_shows_a_key() {
    let server = Server::start(|_| Say::Cut).await;
    let client = TencentLegacy::new(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    let text = format!("{client:?}");
    assert!(!text.contains("EXAMPLE") && !text.contains("TOKEN"), "{text}");
}
