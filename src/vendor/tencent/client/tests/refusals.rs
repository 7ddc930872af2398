use http::StatusCode;

use super::*;
use crate::http::fence::Fence;
use crate::http::testing::{closed_port, transport_with};
use crate::http::transport::TransportError;

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
async fn a_clear_refusal_carries_code_message_and_request_id() {
    let error = refused(|_| refusal("InvalidParameterValue.ProductAlreadyExist")).await;
    assert_eq!(meaning(&error), (Class::Exists, Effect::Refused));
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
    let text = "CreateProduct of meter-a: the vendor's words (InvalidParameterValue.ProductAlreadyExist)";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn the_legacy_envelope_is_understood() {
    let body = r#"{"code":4100,"message":"m","codeDesc":"AuthFailure.SecretIdNotFound"}"#;
    let error = refused(move |_| Say::ok(body)).await;
    assert_eq!(meaning(&error), (Class::Credentials, Effect::Refused));
    assert_eq!(error.code.as_deref(), Some("AuthFailure.SecretIdNotFound"));
}

#[tokio::test]
async fn whatever_may_have_happened_is_unclear() {
    let unclear = |class| (class, Effect::Unclear);
    let error = refused(|_| Say::Cut).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert!(matches!(error.source, Some(TransportError::Cut { .. })));
    assert_eq!(meaning(&refused(|_| refusal("InternalError")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| refusal("SomethingNew")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::with(502, &[], "<html>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok("{\"Response\":")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| response(json!({}))).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok(vec![b' '; 5 << 20])).await), unclear(Class::Unavailable));
    let away = |_: &Seen| Say::with(302, &[("location", "http://127.0.0.1:1/")], "");
    assert_eq!(meaning(&refused(away).await), unclear(Class::Misconfigured));
    // A good answer under another status is not the API's word either.
    let created = json!({"Response": {"ProductId": "A"}}).to_string();
    let error = refused(move |_| Say::with(500, &[], created.clone())).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert_eq!(error.message, "HTTP 500");
}

#[tokio::test]
async fn throttling_is_a_refusal_with_the_vendors_hint() {
    let body = r#"{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"slow"},"RequestId":"r"}}"#;
    let error = refused(move |_| Say::with(200, &[("retry-after", "7")], body)).await;
    assert_eq!(meaning(&error), (Class::Throttled, Effect::Refused));
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn no_connection_means_not_sent() {
    let url = Url::parse(&format!("http://127.0.0.1:{}/", closed_port().await)).unwrap();
    let error = create(&Tencent::new(settings(url)), &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Unavailable, Effect::NotSent));
}

#[tokio::test]
async fn only_the_exact_code_makes_a_product_absent() {
    let absent = Server::start(|_| refusal("ResourceNotFound.ProductNotExist")).await;
    for error in [
        client(&absent).read("A", call()).await.unwrap_err(),
        client(&absent).devices("A", call()).await.unwrap_err(),
        client(&absent).delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap_err(),
    ] {
        assert!(error.is_not_found(), "{error}");
    }
    let error = client(&absent).list(call()).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable, "a list names no product");
    let body = r#"{"Response":{"Error":{"Code":"ResourceNotFound.ProductNotExist"}}}"#;
    for body in [body, "not found"] {
        let gateway = Server::start(move |_| Say::with(404, &[], body)).await;
        let error = client(&gateway).read("A", call()).await.unwrap_err();
        assert_eq!(error.class, Class::Misconfigured);
    }
}

#[tokio::test]
async fn an_expired_signature_is_reported_and_its_date_learnt() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_mins(15));
    let server = Server::start(move |_| {
        let Say::Answer(status, mut headers, body) = refusal("AuthFailure.SignatureExpire") else {
            unreachable!("a refusal is an answer")
        };
        headers.insert("date", date.parse().unwrap());
        Say::Answer(status, headers, body)
    })
    .await;
    let client = client(&server);
    for _ in 0..2 {
        let error = client.read("A", call()).await.unwrap_err();
        assert_eq!(error.class, Class::ClockSkew);
    }
    let times: Vec<i64> =
        server.seen().iter().map(|seen| seen.header("x-tc-timestamp").parse().unwrap()).collect();
    assert!(times[1] - times[0] > 800, "{times:?}");
}

#[tokio::test]
async fn an_update_that_stops_half_way_is_unclear() {
    let server = Server::start(|seen| match seen.header("x-tc-action") {
        "UpdateProductDynamicRegister" => refusal("InvalidParameterValue.ProductTypeNotSupport"),
        _ => response(json!({})),
    })
    .await;
    let mode = ("dynamicRegistration.mode", Value::Text("Disabled".into()));
    let alone = Fields::from([mode.clone()]);
    let second = Fields::from([mode, ("enabled", Value::Flag(true))]);
    for (set, effect) in [(alone, Effect::Refused), (second, Effect::Unclear)] {
        let changes = Changes { desired: set.clone(), set, observed: Fields::new() };
        let error = client(&server).update(Target::id("A"), &changes, call()).await.unwrap_err();
        assert_eq!(meaning(&error), (Class::Spec, effect));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_it_is() {
    let server = Server::start(|_| response(json!({"ProductId": "A"}))).await;
    let client = Tencent::new(Settings { token: Some("line\nbreak".into()), ..settings(server.url("/")) });
    let error = client.read("A", call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Credentials, Effect::NotSent));
    let fields = Fields::from([("encryption", Value::Text("None".into()))]);
    let error = create(&client, &CreateRequest { fields, ..create_request() }).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Spec, Effect::NotSent));
    let late = Call::within(Lane::Edit, Duration::ZERO);
    let error = client.read("A", late).await.unwrap_err();
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
    let server = Server::start(|_| response(json!({"ProductId": "A"}))).await;
    let transport = Arc::new(transport_with(&["127.0.0.1:*"], Arc::new(Never)));
    let client = Tencent::new(Settings { transport, ..settings(server.url("/")) });
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::NotLeader, Effect::NotSent));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_message_that_repeats_a_secret_hides_it() {
    let server = Server::start(|_| {
        let error =
            json!({"Code": "InvalidParameterValue", "Message": "Skey skey-value\nis bad, token TOKEN"});
        Say::Answer(
            StatusCode::OK,
            http::HeaderMap::new(),
            json!({"Response": {"Error": error}}).to_string().into(),
        )
    })
    .await;
    let client = Tencent::new(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    let inputs = BTreeMap::from([(SKEY, SecretString::from("skey-value"))]);
    let error = create(&client, &CreateRequest { inputs, ..create_request() }).await.unwrap_err();
    assert_eq!(error.message, "Skey (hidden) is bad, token (hidden)");
}
