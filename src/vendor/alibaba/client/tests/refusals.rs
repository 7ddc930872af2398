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

/// The gateway's shape.
fn gateway(status: u16, headers: &[(&'static str, &str)], code: &str) -> Say {
    let body = json!({"RequestId": "r-2", "HostId": "h", "Code": code, "Message": "the gateway's words"});
    Say::with(status, headers, body.to_string())
}

#[tokio::test]
async fn both_shapes_of_a_clear_refusal_carry_code_message_and_request_id() {
    let business = refused(|_| refusal("iot.prod.AlreadyExistedProductName")).await;
    let other = refused(|_| gateway(400, &[], "iot.prod.AlreadyExistedProductName")).await;
    for (error, id, words) in [(business, "r-1", "the vendor's words"), (other, "r-2", "the gateway's words")]
    {
        assert_eq!(meaning(&error), (Class::Exists, Effect::Refused));
        assert_eq!(error.request_id.as_deref(), Some(id));
        let text = format!("CreateProduct of 路灯_Lamp01: {words} (iot.prod.AlreadyExistedProductName)");
        assert_eq!(error.to_string(), text);
    }
    let key = refused(|_| gateway(404, &[], "InvalidAccessKeyId.NotFound")).await;
    assert_eq!(meaning(&key), (Class::Credentials, Effect::Refused));
}

#[tokio::test]
async fn whatever_may_have_happened_is_unclear() {
    let unclear = |class| (class, Effect::Unclear);
    let error = refused(|_| Say::Cut).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert!(matches!(error.source, Some(TransportError::Cut { .. })));
    for code in ["iot.system.SystemException", "iot.prod.CreateProductFailed", "iot.prod.SomethingNew"] {
        assert_eq!(meaning(&refused(move |_| refusal(code)).await), unclear(Class::Unavailable), "{code}");
    }
    for (status, code) in [(500, "InternalError"), (400, "SignatureNonceUsed"), (400, "iot.what.Ever")] {
        let error = refused(move |_| gateway(status, &[], code)).await;
        assert_eq!(meaning(&error), unclear(Class::Unavailable), "{code}");
    }
    assert_eq!(meaning(&refused(|_| Say::with(502, &[], "<html>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok("<?xml version='1.0'?>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| response(json!({}))).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok(vec![b' '; 5 << 20])).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::with(404, &[], "nothing")).await), unclear(Class::Misconfigured));
    // A good answer under another status is nobody's word.
    let created = json!({"RequestId": "r", "Success": true, "ProductKey": "A"}).to_string();
    let error = refused(move |_| Say::with(500, &[], created.clone())).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert_eq!(error.message, "HTTP 500");
}

#[tokio::test]
async fn throttling_is_told_in_five_ways() {
    let refusals = [
        refused(|_| gateway(400, &[], "Throttling.User")).await,
        refused(|_| refusal("iot.common.TooManyRequest")).await,
        refused(|_| gateway(429, &[], "Throttling.Api")).await,
    ];
    for error in refusals {
        assert_eq!(meaning(&error), (Class::Throttled, Effect::Refused), "{error}");
    }
    let hint = [("x-acs-retry-after", "2500")];
    let error = refused(move |_| gateway(503, &hint, "ServiceUnavailable")).await;
    assert_eq!(meaning(&error), (Class::Throttled, Effect::Unclear));
    assert_eq!(error.retry_after, Some(Duration::from_millis(2_500)));
    for (said, heard) in [("5", 1), ("99999999", 300)] {
        let error = refused(move |_| gateway(400, &[("x-acs-retry-after", said)], "Throttling")).await;
        assert_eq!(error.retry_after, Some(Duration::from_secs(heard)), "the unit is not documented");
    }
    let error = refused(|_| Say::with(429, &[("retry-after", "7")], "slow down")).await;
    assert_eq!(
        (meaning(&error), error.retry_after),
        ((Class::Throttled, Effect::Unclear), Some(Duration::from_secs(7)))
    );
}

#[tokio::test]
async fn only_the_exact_code_makes_a_product_absent() {
    let absent = Server::start(|_| refusal("IoT.Prod.NotExistedProduct")).await;
    let shaped = Server::start(|_| gateway(400, &[], "iot.prod.NotExistedProduct")).await;
    for server in [&absent, &shaped] {
        assert!(client(server).read("A", call()).await.unwrap_err().is_not_found());
        assert!(client(server).devices("A", call()).await.unwrap_err().is_not_found());
    }
    let error = client(&absent).list(call()).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable, "a list names no product");
    for code in ["iot.system.InstanceNotFound", "iot.Sre.IotInstanceNotFound"] {
        let elsewhere = Server::start(move |_| refusal(code)).await;
        let error = client(&elsewhere).read("A", call()).await.unwrap_err();
        assert_eq!(error.class, Class::Misconfigured, "another instance is not the product's end");
    }
}

#[tokio::test]
async fn an_expired_time_is_reported_and_the_vendors_date_learnt() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_mins(20));
    let server =
        Server::start(move |_| gateway(400, &[("date", date.as_str())], "InvalidTimeStamp.Expired")).await;
    let client = client(&server);
    for _ in 0..2 {
        assert_eq!(client.read("A", call()).await.unwrap_err().class, Class::ClockSkew);
    }
    let seen = server.seen();
    let times: Vec<jiff::Timestamp> =
        seen.iter().map(|seen| seen.header("x-acs-date").parse().unwrap()).collect();
    assert!(times[1].duration_since(times[0]).as_secs() > 1_100, "{times:?}");
    assert_ne!(seen[0].header("x-acs-signature-nonce"), seen[1].header("x-acs-signature-nonce"));
}

/// What a wrong signature is told as, when the vendor says that it would have signed `text` of the request.
async fn mismatch(text: fn(&Seen) -> String) -> VendorError {
    let server = Server::start(move |seen| {
        let message = format!(
            "Specified signature is not matched with our calculation. server string to sign is:{}",
            text(seen)
        );
        let body = json!({"RequestId": "r", "Code": "SignatureDoesNotMatch", "Message": message});
        Say::with(400, &[], body.to_string())
    })
    .await;
    let settings = Settings {
        signature: AlibabaSignature::Rpc,
        token: Some("TOKEN".into()),
        ..settings(server.url("/"))
    };
    with(settings).read("A", call()).await.unwrap_err()
}

#[tokio::test]
async fn a_wrong_secret_is_told_from_a_changed_request_and_neither_shows_what_was_signed() {
    let same = mismatch(|seen| {
        let mut sent = parameters(seen);
        sent.remove("Signature");
        sign::rpc_string_to_sign("POST", &sign::canonical_query(&sent.into_iter().collect::<Vec<_>>()))
    })
    .await;
    assert!(same.message.contains("accessKeySecret is wrong"), "{same}");
    let other = mismatch(|_| "POST&%2F&SecurityToken%3DTOKEN".to_owned()).await;
    assert!(other.message.contains("proxy"), "{other}");
    for error in [same, other] {
        assert_eq!(error.class, Class::Credentials);
        assert!(!format!("{error} {error:?}").contains("TOKEN"), "{error:?}");
    }
}

#[tokio::test]
async fn a_message_that_repeats_the_token_hides_it() {
    let server = Server::start(|_| {
        let body = json!({"Success": false, "Code": "x", "ErrorMessage": "token TOKEN\nis bad"});
        Say::ok(body.to_string())
    })
    .await;
    let client = with(Settings { token: Some("TOKEN".into()), ..settings(server.url("/")) });
    assert_eq!(client.read("A", call()).await.unwrap_err().message, "token (hidden) is bad");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_it_is() {
    let server = Server::start(|_| response(json!({"ProductKey": "A"}))).await;
    let broken = with(Settings { token: Some("line\nbreak".into()), ..settings(server.url("/")) });
    assert_eq!(meaning(&broken.read("A", call()).await.unwrap_err()), (Class::Credentials, Effect::NotSent));
    let fields = Fields::from([("nodeType", Value::Text("Other".into()))]);
    let error = create(&client(&server), &CreateRequest { fields, ..create_request() }).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Spec, Effect::NotSent));
    let late = Call::within(Lane::Edit, Duration::ZERO);
    assert_eq!(client(&server).read("A", late).await.unwrap_err().effect, Effect::NotSent);
    let url = Url::parse(&format!("http://127.0.0.1:{}/", closed_port().await)).unwrap();
    let error = create(&with(settings(url)), &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Unavailable, Effect::NotSent));
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
    let server = Server::start(|_| response(json!({"ProductKey": "A"}))).await;
    let transport = Arc::new(transport_with(&["127.0.0.1:*"], Arc::new(Never)));
    let client = with(Settings { transport, ..settings(server.url("/")) });
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::NotLeader, Effect::NotSent));
    assert!(server.seen().is_empty());
}
