//! The client against a vendor on loopback. What may not be deleted is in `deletion`, the parts that fail in
//! `refusals`, tags in `tags`.

mod deletion;
mod refusals;
mod simulated;
mod tags;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::*;
use crate::api::account::AlibabaSignature;
use crate::http::limit::{Lane, LimitSettings, Limiter};
use crate::http::testing::{Say, Seen, Server, transport};
use crate::metrics::Metrics;
use crate::vendor::alibaba::BUDGETS;
use crate::vendor::pages::REREADS;

fn settings(url: Url) -> Settings {
    Settings {
        endpoint: Some(url),
        region: "cn-shanghai".into(),
        instance: Some("iot-060a0xyz".into()),
        signature: AlibabaSignature::Acs3,
        key_id: "testid".into(),
        secret: "testsecret".into(),
        token: None,
        transport: Arc::new(transport()),
        limiter: Arc::new(Limiter::new(BUDGETS, LimitSettings::default())),
        metrics: Metrics::new(),
    }
}

fn with(settings: Settings) -> Alibaba {
    Alibaba::new(settings).unwrap()
}

fn client(server: &Server) -> Alibaba {
    with(settings(server.url("/")))
}

fn call() -> Call {
    Call::within(Lane::Edit, Duration::from_mins(1))
}

fn response(mut content: Json) -> Say {
    (content["RequestId"], content["Success"]) = ("r-1".into(), true.into());
    Say::ok(content.to_string())
}

/// A business failure as the product pages have it.
fn refusal(code: &str) -> Say {
    let body =
        json!({"RequestId": "r-1", "Success": false, "Code": code, "ErrorMessage": "the vendor's words"});
    Say::ok(body.to_string())
}

fn product(key: &str) -> Json {
    json!({"ProductKey": key, "ProductName": "lamp", "DeviceCount": 0, "ProductStatus": "DEVELOPMENT_STATUS"})
}

fn create_request() -> CreateRequest {
    CreateRequest {
        name: "路灯_Lamp01".into(),
        description: "50% + [iotp:0123456789ab.01234567]".into(),
        fields: Fields::from([("encryption", Value::Text("Symmetric".into()))]),
        inputs: BTreeMap::new(),
    }
}

async fn create(client: &Alibaba, request: &CreateRequest) -> Result<String, VendorError> {
    let permit = client.reserve_create(call()).await?;
    client.create(request, permit, call()).await
}

/// Parameters of a request as they arrived, by name, from query and form.
fn parameters(seen: &Seen) -> BTreeMap<String, String> {
    let query = seen.target.split_once('?').map_or("", |(_, query)| query);
    let form = String::from_utf8(seen.body.to_vec()).unwrap();
    let url = Url::parse(&format!("http://h/?{query}&{form}")).unwrap();
    url.query_pairs().filter(|(name, _)| !name.is_empty()).map(|(n, v)| (n.into(), v.into())).collect()
}

fn action(seen: &Seen) -> String {
    match seen.header("x-acs-action") {
        "" => parameters(seen)["Action"].clone(),
        action => action.to_owned(),
    }
}

fn actions(server: &Server) -> Vec<String> {
    server.seen().iter().map(action).collect()
}

#[tokio::test]
async fn a_create_is_signed_with_acs3_as_sent_and_returns_the_key_alone() {
    let server =
        Server::start(|_| response(json!({"ProductKey": "a1Sim000001", "Data": {"ProductName": "x"}}))).await;
    let client = with(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    assert_eq!(create(&client, &create_request()).await.unwrap(), "a1Sim000001");
    let seen = &server.seen()[0];
    let authorization = seen.header("authorization");
    let names = authorization.split_once("SignedHeaders=").unwrap().1.split(',').next().unwrap();
    let headers: Vec<_> = names.split(';').map(|name| (name, seen.header(name))).collect();
    let query = seen.target.strip_prefix("/?").unwrap();
    let signed = sign::Signed { method: "POST", query, headers: &headers, body: &seen.body };
    let text = sign::string_to_sign(&sign::canonical_request(signed));
    let expected = sign::authorization("testid", signed, &sign::signature(&"testsecret".into(), &text));
    assert_eq!(authorization, expected);
    for (name, value) in [
        ("accept", "application/json"),
        ("x-acs-action", "CreateProduct"),
        ("x-acs-version", "2018-01-20"),
        ("x-acs-security-token", "TOKEN"),
        ("x-acs-accesskey-id", "testid"),
        ("content-length", "0"),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    let sent = parameters(seen);
    assert_eq!(sent["ProductName"], "路灯_Lamp01");
    assert_eq!(sent["Description"], "50% + [iotp:0123456789ab.01234567]");
    assert_eq!(sent["IotInstanceId"], "iot-060a0xyz");
    assert!(!seen.target.contains("TOKEN") && !sent.contains_key("RegionId"));
}

#[tokio::test]
async fn an_rpc_request_is_signed_over_what_arrives_and_asks_for_json() {
    let server = Server::start(|_| response(json!({"Data": product("A")}))).await;
    let client = with(Settings {
        signature: AlibabaSignature::Rpc,
        instance: None,
        token: Some("TO/KEN".into()),
        ..settings(server.url("/"))
    });
    client.read("A", call()).await.unwrap();
    client.read("A", call()).await.unwrap();
    let seen = server.seen();
    let mut sent = parameters(&seen[0]);
    let signature = sent.remove("Signature").unwrap();
    let all: Vec<_> = sent.clone().into_iter().collect();
    let text = sign::rpc_string_to_sign("POST", &sign::canonical_query(&all));
    assert_eq!(signature, sign::rpc_signature(&"testsecret".into(), &text));
    assert_eq!((sent["Format"].as_str(), sent["RegionId"].as_str()), ("JSON", "cn-shanghai"));
    assert_eq!((sent["ProductKey"].as_str(), sent.get("IotInstanceId")), ("A", None));
    assert_eq!(sent["SecurityToken"], "TO/KEN");
    assert!(!seen[0].target.contains("KEN"), "no secret in a URL");
    assert_eq!(seen[0].header("content-type"), "application/x-www-form-urlencoded");
    assert_ne!(parameters(&seen[1])["SignatureNonce"], sent["SignatureNonce"]);
}

#[tokio::test]
async fn a_read_shows_the_product_and_only_the_one_that_was_asked_for() {
    let server = Server::start(|_| {
        let mut data = product("A");
        (data["ProductSecret"], data["NetType"]) = ("S1m".into(), 3.into());
        response(json!({ "Data": data }))
    })
    .await;
    let client = client(&server);
    let product = client.read("A", call()).await.unwrap();
    assert!(product.full);
    assert_eq!(product.secret.unwrap().expose_secret(), "S1m");
    assert_eq!(product.fields["alibaba.netType"], Value::Text("WIFI".into()));
    assert_eq!(client.devices("A", call()).await.unwrap(), 0);
    let other = client.read("B", call()).await.unwrap_err();
    assert_eq!((other.class, other.effect), (Class::Unavailable, Effect::Unclear));
    assert_eq!(actions(&server), ["QueryProduct"; 3]);
}

/// A page of products out of `total`.
fn page(seen: &Seen, total: u64, names: impl Fn(u64) -> u64) -> Say {
    let sent = parameters(seen);
    let number = |name: &str| sent[name].parse::<u64>().unwrap();
    let (page, size) = (number("CurrentPage"), number("PageSize"));
    let entry = |n: u64| json!({"ProductKey": format!("P{}", names(n)), "ProductName": format!("n{n}")});
    let products: Vec<Json> = ((page - 1) * size..total.min(page * size)).map(entry).collect();
    response(json!({"Data": {"Total": total, "CurrentPage": page, "List": {"ProductInfo": products}}}))
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    for (total, pages) in [(0, 1), (200, 1), (201, 2), (1000, 5)] {
        let server = Server::start(move |seen| page(seen, total, |n| n)).await;
        let products = client(&server).list(call()).await.unwrap();
        assert_eq!(products.len() as u64, total);
        assert!(products.iter().all(|product| !product.full));
        let asked: Vec<_> =
            server.seen().iter().map(|seen| parameters(seen)["CurrentPage"].clone()).collect();
        assert_eq!(asked, (1..=pages).map(|page: u64| page.to_string()).collect::<Vec<_>>());
        assert!(server.seen().iter().all(|seen| parameters(seen)["PageSize"] == "200"));
    }
}

#[tokio::test]
async fn a_list_whose_total_changes_is_read_again() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
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
    let short = Server::start(|seen| match parameters(seen)["CurrentPage"].as_str() {
        "1" => response(json!({"Data": {"Total": 2, "List": {"ProductInfo": [product("A")]}}})),
        _ => response(json!({"Data": {"Total": 2, "List": {"ProductInfo": []}}})),
    });
    for server in [twice.await, short.await] {
        let error = client(&server).list(call()).await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable);
        assert!(error.message.contains("changed"), "{error}");
        assert_eq!(server.seen().len(), 2 * (1 + REREADS));
    }
}

#[tokio::test]
async fn an_entry_without_key_makes_the_list_unreadable() {
    let server = Server::start(|_| {
        response(json!({"Data": {"Total": 1, "List": {"ProductInfo": [{"ProductName": "n"}]}}}))
    })
    .await;
    let error = client(&server).list(call()).await.unwrap_err();
    assert_eq!((error.class, error.action), (Class::Unavailable, "QueryProductList"));
}

#[tokio::test]
async fn a_rename_is_one_call_that_keeps_the_mark() {
    let server = Server::start(|_| response(json!({}))).await;
    let changes = Changes {
        set: Fields::from([("name", Value::Text("new".into()))]),
        desired: Fields::from([
            ("name", Value::Text("new".into())),
            ("description", Value::Text("d [iotp:0123456789ab.01234567]".into())),
        ]),
        observed: Fields::new(),
    };
    assert!(client(&server).update(Target::id("A"), &changes, call()).await.unwrap().is_none());
    assert_eq!(actions(&server), ["UpdateProduct"]);
    let sent = parameters(&server.seen()[0]);
    assert_eq!((sent["ProductKey"].as_str(), sent["ProductName"].as_str()), ("A", "new"));
    assert_eq!(sent["Description"], "d [iotp:0123456789ab.01234567]");
}

#[test]
fn the_region_chooses_the_host_and_the_port_is_signed_when_it_is_sent() {
    let host = |url: &str| host_header(&Url::parse(url).unwrap());
    assert_eq!(crate::vendor::alibaba::host("ap-southeast-1"), "iot.ap-southeast-1.aliyuncs.com");
    assert_eq!(host("http://127.0.0.1:8080/"), "127.0.0.1:8080");
    assert_eq!(host("https://iot.cn-shanghai.aliyuncs.com:443/"), "iot.cn-shanghai.aliyuncs.com");
}

#[tokio::test]
async fn no_debug_text_shows_a_key() {
    let server = Server::start(|_| Say::Cut).await;
    let client = with(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    let text = format!("{client:?} {:?}", client.signer);
    assert!(!text.contains("testsecret") && !text.contains("TOKEN"), "{text}");
}
