use super::*;
use crate::http::fence::Fence;
use crate::http::testing::{closed_port, transport_with};
use crate::http::transport::TransportError;

fn refusal(code: i64, message: &str, name: &str) -> Say {
    Say::ok(json!({"code": code, "message": message, "codeDesc": name}).to_string())
}

/// What a create that is answered so means.
async fn refused(say: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> VendorError {
    let server = Server::start(say).await;
    let error = create(&client(&server), &create_request()).await.unwrap_err();
    assert_eq!(server.seen().len(), 1, "no call is repeated by the client");
    error
}

fn meaning(error: &VendorError) -> (Class, Effect) {
    (error.class, error.effect)
}

#[tokio::test]
async fn a_clear_refusal_carries_both_codes_and_the_message() {
    for message in ["(1001)product name exists", "（1001）product name exists"] {
        let error = refused(move |_| refusal(5100, message, "ProductAlreadyExist")).await;
        assert_eq!(meaning(&error), (Class::Exists, Effect::Refused));
        let text = "CreateProduct of meter-a: product name exists, ProductAlreadyExist (5100/1001)";
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn whatever_may_have_happened_is_unclear() {
    let unclear = |class| (class, Effect::Unclear);
    let error = refused(|_| Say::Cut).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert!(matches!(error.source, Some(TransportError::Cut { .. })));
    assert_eq!(meaning(&refused(|_| refusal(5100, "(1100)", "")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| refusal(1234, "", "")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::with(502, &[], "<html>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok("{\"code\":")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| success(json!({}))).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| success(json!({"productID": ""}))).await), unclear(Class::Unavailable));
    let away = |_: &Seen| Say::with(302, &[("location", "http://127.0.0.1:1/")], "");
    assert_eq!(meaning(&refused(away).await), unclear(Class::Misconfigured));
    // Our nonces are used once: if one is refused as used, the request may have been delivered twice.
    assert_eq!(meaning(&refused(|_| refusal(4500, "replay", "")).await), unclear(Class::ClockSkew));
    // A good answer under another status is not the API's word either.
    let created = json!({"code": 0, "productID": "A"}).to_string();
    let error = refused(move |_| Say::with(500, &[], created.clone())).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert_eq!(error.message, "HTTP 500");
}

#[tokio::test]
async fn throttling_is_a_refusal_with_the_vendors_hint() {
    let body = r#"{"code":"4400","message":"slow"}"#;
    let error = refused(move |_| Say::with(200, &[("retry-after", "7")], body)).await;
    assert_eq!(meaning(&error), (Class::Throttled, Effect::Refused));
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn no_connection_means_not_sent() {
    let url = Url::parse(&format!("http://127.0.0.1:{}/", closed_port().await)).unwrap();
    let error = create(&TencentLegacy::new(settings(url)), &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Unavailable, Effect::NotSent));
}

#[tokio::test]
async fn only_the_number_of_the_action_says_that_a_product_is_gone() {
    let deleted = |number: u32| async move {
        let server = Server::start(move |_| refusal(5100, &format!("({number})gone"), "")).await;
        let client = client(&server);
        let delete = client.delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap_err();
        let devices = client.devices("A", call()).await.unwrap_err();
        let read = client.read("A", call()).await.unwrap_err();
        [delete.class, devices.class, read.class]
    };
    let unclear = Class::Unavailable;
    assert_eq!(deleted(1004).await, [Class::NotFound, unclear, unclear]);
    assert_eq!(deleted(2008).await, [unclear, Class::NotFound, unclear]);
    let gateway = Server::start(|_| Say::with(404, &[], r#"{"code":5100,"message":"(1004)"}"#)).await;
    let error = client(&gateway).delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Misconfigured, Effect::Unclear));
}

#[tokio::test]
async fn devices_that_remain_block_a_deletion() {
    let server = Server::start(|_| refusal(5100, "（1005）devices remain", "")).await;
    let error = client(&server).delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Blocked, Effect::Refused));
}

#[tokio::test]
async fn an_expired_request_is_reported_and_the_vendors_date_learnt() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_mins(15));
    let server = Server::start(move |_| {
        Say::with(200, &[("date", &date)], r#"{"code":4200,"message":"request expired"}"#)
    })
    .await;
    let client = client(&server);
    for _ in 0..2 {
        let error = client.devices("A", call()).await.unwrap_err();
        assert_eq!(meaning(&error), (Class::ClockSkew, Effect::Refused));
    }
    let times: Vec<i64> = server.seen().iter().map(|seen| form(seen)["Timestamp"].parse().unwrap()).collect();
    assert!(times[1] - times[0] > 800, "{times:?}");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| success(json!({"productID": "A"}))).await;
    let client = client(&server);
    let fields = Fields::from([("nodeType", Value::Text("Gateway".into()))]);
    let error = create(&client, &CreateRequest { fields, ..create_request() }).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Spec, Effect::NotSent));
    let set = Fields::from([("name", Value::Text("n".into()))]);
    let changes = Changes { desired: set.clone(), set, observed: Fields::new() };
    let error = client.update(Target::id("A"), &changes, call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Spec, Effect::NotSent));
    assert!(error.message.starts_with("name cannot be changed"), "{error}");
    let late = Call::within(Lane::Edit, Duration::ZERO);
    let error = client.devices("A", late).await.unwrap_err();
    assert_eq!(error.effect, Effect::NotSent);
    assert!(server.seen().is_empty());
}

struct Never;

impl Fence for Never {
    fn covers(&self, _: tokio::time::Instant) -> bool {
        false
    }
}

#[tokio::test]
async fn without_leadership_nothing_is_sent() {
    let server = Server::start(|_| success(json!({"productID": "A"}))).await;
    let transport = Arc::new(transport_with(&["127.0.0.1:*"], Arc::new(Never)));
    let client = TencentLegacy::new(Settings { transport, ..settings(server.url("/")) });
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::NotLeader, Effect::NotSent));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_message_that_repeats_a_secret_hides_it() {
    let server = Server::start(|_| refusal(4105, "token TOKEN\nis bad, SECRETKEYEXAMPLE too", "")).await;
    let client = TencentLegacy::new(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Credentials, Effect::Refused));
    assert_eq!(error.message, "token (hidden) is bad, (hidden) too");
}

#[tokio::test]
async fn the_budget_of_a_create_is_five_a_second() {
    let budgets = super::super::super::BUDGETS;
    assert!(budgets.iter().all(|budget| budget.per_second == 5));
    let actions: Vec<_> = budgets.iter().map(|budget| budget.action).collect();
    assert_eq!(actions, ["CreateProduct", "ListProducts", "ListDevices", "DeleteProduct"]);
}
