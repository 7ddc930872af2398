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
    let error = refused(|_| refusal(500, "ROMA.00110004", "The quota\nis exceeded.")).await;
    assert_eq!(meaning(&error), (Class::Quota, Effect::Refused));
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
    assert_eq!(error.to_string(), "CreateProduct of lamp: The quota is exceeded. (ROMA.00110004)");
    let error =
        refused(|_| Say::with(403, &[("x-request-id", "h-1")], r#"{"error_code":"APIGW.0302"}"#)).await;
    assert_eq!(meaning(&error), (Class::Permission, Effect::Refused));
    assert_eq!((error.request_id.as_deref(), error.code.as_deref()), (Some("h-1"), Some("APIG.0302")));
}

#[tokio::test]
async fn whatever_may_have_happened_is_unclear() {
    let unclear = |class| (class, Effect::Unclear);
    let error = refused(|_| Say::Cut).await;
    assert_eq!(meaning(&error), unclear(Class::Unavailable));
    assert!(matches!(error.source, Some(TransportError::Cut { .. })));
    assert_eq!(meaning(&refused(|_| refusal(504, "APIG.0201", "")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| refusal(500, "ROMA.00110000", "")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::with(502, &[], "<html>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::with(400, &[], "<html>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok("<html>")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| Say::ok("")).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| say(201, &json!({}))).await), unclear(Class::Unavailable));
    assert_eq!(meaning(&refused(|_| say(202, &lamp())).await), unclear(Class::Unavailable));
    let away = |_: &Seen| Say::with(302, &[("location", "http://127.0.0.1:1/")], "");
    assert_eq!(meaning(&refused(away).await), unclear(Class::Misconfigured));
}

#[tokio::test]
async fn throttling_is_a_refusal_with_the_vendors_hint() {
    let body = r#"{"error_code":"APIG.0308","error_msg":"slow"}"#;
    let error = refused(move |_| Say::with(429, &[("retry-after", "7")], body)).await;
    assert_eq!(meaning(&error), (Class::Throttled, Effect::Refused));
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn only_the_exact_code_makes_a_product_absent() {
    let absent = Server::start(|_| refusal(404, "ROMA.00110006", "no such resource")).await;
    let client_of = |server: &Server| client(server);
    for error in [
        client_of(&absent).read(ID, call()).await.unwrap_err(),
        client_of(&absent).devices(ID, call()).await.unwrap_err(),
        client_of(&absent).delete(Target::id(ID), &BTreeMap::new(), call()).await.unwrap_err(),
        client_of(&absent).set_password(Target::id(ID), None, &"p".into(), call()).await.unwrap_err(),
        client_of(&absent)
            .delete(Target { id: ID, serial: Some("S1") }, &BTreeMap::new(), call())
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_not_found(), "{error}");
    }
    assert_eq!(
        meaning(&create(&client(&absent), &create_request()).await.unwrap_err()),
        (Class::Spec, Effect::Refused)
    );
    assert_eq!(client(&absent).list(call()).await.unwrap_err().class, Class::Misconfigured);
    for (status, code) in [(500, "ROMA.00110002"), (404, "SCB.00000000"), (404, "APIG.0101")] {
        let wrong = Server::start(move |_| refusal(status, code, "")).await;
        let error = client(&wrong).read(ID, call()).await.unwrap_err();
        assert_eq!(meaning(&error), (Class::Misconfigured, Effect::Refused), "{code}");
    }
}

/// A vendor that refuses every change with this code and message and lists one product `lamp`.
async fn taken(code: &'static str, message: &'static str) -> Server {
    Server::start(move |seen| match seen.method {
        Method::GET if seen.target.contains("/products?") => {
            say(200, &json!({"total": 2, "size": 2, "items": [lamp(), {"id": 5, "name": "lamp-2"}]}))
        }
        // Of id 5 the list says later what it is called than the read before.
        Method::GET => say(
            200,
            &json!({"id": if seen.target.ends_with("/5") { 5 } else { 7 }, "name": "bulb", "manufacturer_id": "m1", "manufacturer_name": "Mm",
            "model": "mo", "device_type": "Default"}),
        ),
        _ => refusal(400, code, message),
    })
    .await
}

#[tokio::test]
async fn a_taken_name_is_told_by_a_list_whatever_the_code() {
    for code in ["ROMA.00110001", "ROMA.00110099"] {
        let server = taken(code, "conflict").await;
        let error = create(&client(&server), &create_request()).await.unwrap_err();
        assert_eq!(meaning(&error), (Class::Exists, Effect::Refused), "{code}");
        assert_eq!(error.code.as_deref(), Some(code));
        assert_eq!(arrived(&server)[1], "GET /products?limit=500&name=lamp&offset=0");
        let other = CreateRequest { name: "lam".into(), ..create_request() };
        let error = create(&client(&server), &other).await.unwrap_err();
        assert_eq!(error.class, Class::Spec, "a fragment is another name");
    }
}

#[tokio::test]
async fn a_complaint_about_a_good_name_means_that_it_is_taken_by_something_invisible() {
    let server = taken("ROMA.00110001", "Invalid parameter. [name:something]").await;
    let request = CreateRequest { name: "unseen".into(), ..create_request() };
    let error = create(&client(&server), &request).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Exists, Effect::Refused));
    assert_eq!(server.seen().len(), 1, "no list is needed");
    let bad = CreateRequest { name: "a name".into(), ..create_request() };
    assert_eq!(create(&client(&server), &bad).await.unwrap_err().class, Class::Spec);
    let server = taken("ROMA.00110001", "Invalid parameter. [model:something]").await;
    let request = CreateRequest { name: "unseen".into(), ..create_request() };
    assert_eq!(create(&client(&server), &request).await.unwrap_err().class, Class::Spec);
}

#[tokio::test]
async fn a_rename_to_a_taken_name_is_told_from_other_refusals() {
    let server = taken("ROMA.00110001", "conflict").await;
    let client = client(&server);
    let rename = |name: &str| {
        let set = Fields::from([("name", Value::Text(name.into()))]);
        Changes { desired: set.clone(), set, observed: Fields::new() }
    };
    let error = client.update(Target::id("7"), &rename("lamp"), call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Exists, Effect::Refused));
    for (id, name) in [("7", "other"), ("5", "lamp-2")] {
        let error = client.update(Target::id(id), &rename(name), call()).await.unwrap_err();
        assert_eq!(error.class, Class::Spec, "{id} is not in its own way");
    }
}

#[tokio::test]
async fn a_wrong_key_is_tried_three_times_by_all_clients_together() {
    let server = Server::start(|_| {
        refusal(401, "APIG.0301", "Incorrect IAM authentication information: verify aksk signature fail")
    })
    .await;
    let attempts = Arc::new(Attempts::signing());
    let client = |secret: &str| {
        let credentials = Credentials::AccessKey {
            access_key: "AKEXAMPLE".into(),
            secret_key: secret.into(),
            security_token: None,
            attempts: Arc::clone(&attempts),
        };
        Huawei::new(Settings { credentials, ..settings(server.url("/")) })
    };
    let (one, two) = (client("WRONG"), client("WRONG"));
    let results = futures::future::join_all((0..10).map(|n| {
        let client = if n % 2 == 0 { &one } else { &two };
        client.read(ID, call())
    }))
    .await;
    assert_eq!(server.seen().len(), 3);
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().class == Class::Credentials));
    let error = client("WRONG").devices(ID, call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Credentials, Effect::NotSent));
    assert!(error.retry_after.is_some_and(|after| after > Duration::from_mins(4)), "{error:?}");
    assert!(!error.to_string().contains("WRONG"));
    let error = client("OTHER").devices(ID, call()).await.unwrap_err();
    assert_eq!(error.effect, Effect::Refused, "another secret is another try");
}

#[tokio::test]
async fn an_expired_signature_is_reported_and_its_date_learnt() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_mins(30));
    let server = Server::start(move |_| {
        let body =
            json!({"error_code": "APIG.0301", "error_msg": "calc ak sk signature fail:signature expired"});
        Say::with(401, &[("date", &date)], body.to_string())
    })
    .await;
    let client = client(&server);
    // The first tells the vendor's clock, so it takes none of the key's three tries.
    for _ in 0..4 {
        let error = client.read(ID, call()).await.unwrap_err();
        assert_eq!(meaning(&error), (Class::ClockSkew, Effect::Refused));
    }
    let error = client.read(ID, call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::ClockSkew, Effect::NotSent), "the vendor counts these failures too");
    assert!(error.to_string().contains("nothing is wrong with the key"), "{error}");
    let seen = server.seen();
    let minutes: Vec<i64> = seen
        .iter()
        .map(|seen| {
            let date = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", seen.header("x-sdk-date")).unwrap();
            date.to_datetime().unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
                / 60
        })
        .collect();
    assert!(minutes[1] - minutes[0] > 28, "{minutes:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_it_is() {
    let server = Server::start(|_| say(201, &lamp())).await;
    let credentials = Credentials::AccessKey {
        access_key: "line\nbreak".into(),
        secret_key: "SK".into(),
        security_token: None,
        attempts: Arc::new(Attempts::signing()),
    };
    let client = Huawei::new(Settings { credentials, ..settings(server.url("/")) });
    let error = client.read(ID, call()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Credentials, Effect::NotSent));
    let incomplete = CreateRequest { fields: Fields::new(), ..create_request() };
    let error = create(&client, &incomplete).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Spec, Effect::NotSent));
    let error = client.read(ID, Call::within(Lane::Edit, Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.effect, Effect::NotSent);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn no_connection_means_not_sent() {
    let url = Url::parse(&format!("http://127.0.0.1:{}/", closed_port().await)).unwrap();
    let error = create(&Huawei::new(settings(url)), &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::Unavailable, Effect::NotSent));
}

struct Never;

impl Fence for Never {
    fn covers(&self, _: tokio::time::Instant) -> bool {
        false
    }
}

#[tokio::test]
async fn without_leadership_nothing_is_sent() {
    let server = Server::start(|_| say(201, &lamp())).await;
    let transport = Arc::new(transport_with(&["127.0.0.1:*"], Arc::new(Never)));
    let client = Huawei::new(Settings { transport, ..settings(server.url("/")) });
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!(meaning(&error), (Class::NotLeader, Effect::NotSent));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_message_that_repeats_a_password_hides_it() {
    let server = Server::start(|seen| {
        let message = format!("bad value in {}", String::from_utf8_lossy(&seen.body));
        Say::Answer(
            StatusCode::BAD_REQUEST,
            http::HeaderMap::new(),
            json!({"error_code": "ROMA.00110001", "error_msg": message}).to_string().into(),
        )
    })
    .await;
    let password = SecretString::from("Pa55-word~16chars");
    let error = client(&server).set_password(Target::id(ID), None, &password, call()).await.unwrap_err();
    assert_eq!(error.message, r#"bad value in {"password":"(hidden)"}"#);
}
