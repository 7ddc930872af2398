use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::super::{BUDGETS, Credentials, Huawei, Settings};
use super::*;
use crate::http::limit::{Lane, LimitSettings, Limiter};
use crate::http::testing::{Say, Seen, Server, transport};
use crate::metrics::Metrics;
use crate::vendor::Cloud;

/// IAM and ROMA on one port. Every token is `T<n>`, and `accepts` says which of them the service takes.
async fn vendor(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let issued = AtomicUsize::new(0);
    Server::start(move |seen| match seen.target.as_str() {
        "/v3/auth/tokens?nocatalog=true" => {
            let number = issued.fetch_add(1, Ordering::Relaxed) + 1;
            let times = json!({"token": {"issued_at": "2020-01-03T09:05:22.701000Z",
                "expires_at": "2020-01-04T09:05:22.701000Z"}});
            Say::with(201, &[("X-Subject-Token", &format!("T{number}"))], times.to_string())
        }
        _ if accepts(seen.header("x-auth-token")) => Say::ok(json!({"summary": 1}).to_string()),
        _ => Say::with(
            401,
            &[],
            json!({"error_code": "APIG.0307", "error_msg": "must be updated"}).to_string(),
        ),
    })
    .await
}

fn client(server: &Server) -> Huawei {
    let limits = LimitSettings { unsafe_raise: true, default: Some(10_000), ..LimitSettings::default() };
    Huawei::new(Settings {
        endpoint: Some(server.url("/")),
        region: "cn-north-4".into(),
        project_id: "p1".into(),
        instance_id: "i1".into(),
        credentials: Credentials::Password {
            iam_endpoint: Some(server.url("/")),
            domain_name: "acme".into(),
            user_name: "robot".into(),
            password: "PASSWORD".into(),
            attempts: Arc::new(Attempts::login()),
        },
        transport: Arc::new(transport()),
        limiter: Arc::new(Limiter::new(BUDGETS, limits)),
        metrics: Metrics::new(),
    })
}

fn call() -> Call {
    Call::within(Lane::Edit, Duration::from_mins(1))
}

fn logins(server: &Server) -> usize {
    server.seen().iter().filter(|seen| is_login(seen)).count()
}

fn is_login(seen: &Seen) -> bool {
    seen.target.starts_with("/v3/auth/tokens")
}

#[tokio::test]
async fn one_token_serves_every_call_that_waits_for_it() {
    let server = vendor(|token| token == "T1").await;
    let client = client(&server);
    let calls = futures::future::join_all((0..20).map(|_| client.devices("7", call()))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(logins(&server), 1);
    let seen = server.seen();
    let login = seen[0].json();
    assert_eq!(login["auth"]["identity"]["password"]["user"]["domain"]["name"], "acme");
    assert_eq!(login["auth"]["scope"]["project"]["id"], "p1");
    for seen in seen.iter().filter(|seen| !is_login(seen)) {
        assert_eq!((seen.header("x-auth-token"), seen.header("authorization")), ("T1", ""));
    }
}

#[tokio::test]
async fn a_token_is_renewed_at_two_thirds_of_its_life() {
    let server = vendor(|_| true).await;
    let client = client(&server);
    client.devices("7", call()).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(16) - Duration::from_secs(1)).await;
    client.devices("7", call()).await.unwrap();
    assert_eq!(logins(&server), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    client.devices("7", call()).await.unwrap();
    assert_eq!(logins(&server), 2);
    assert_eq!(server.seen().last().unwrap().header("x-auth-token"), "T2");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_by_all_calls_together() {
    let server = vendor(|token| token == "T2").await;
    let client = client(&server);
    let calls = futures::future::join_all((0..10).map(|_| client.devices("7", call()))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_an_error_and_no_storm() {
    let server = vendor(|_| false).await;
    let client = client(&server);
    for _ in 0..5 {
        let error = client.devices("7", call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Credentials, Effect::Refused));
        assert_eq!(error.code.as_deref(), Some("APIG.0307"));
    }
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn a_wrong_password_is_tried_twice_and_no_call_is_sent() {
    let server = Server::start(|_| {
        let message = "The username or password is wrong: PASSWORD";
        Say::with(
            401,
            &[],
            json!({"error": {"code": 401, "message": message, "title": "Unauthorized"}}).to_string(),
        )
    })
    .await;
    let client = client(&server);
    for effect in [Effect::NotSent; 4] {
        let error = client.devices("7", call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Credentials, effect));
        assert_eq!(error.action, ACTION);
        assert!(!error.to_string().contains("PASSWORD"), "{error}");
    }
    assert_eq!(server.seen().len(), 2, "more would lock the user");
}

#[tokio::test]
async fn an_old_token_serves_on_while_iam_does_not_answer() {
    let down = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = Arc::clone(&down);
    let server = Server::start(move |seen| match is_login(seen) {
        true if switch.load(Ordering::Relaxed) => Say::with(503, &[], "<html>"),
        true => Say::with(201, &[("x-subject-token", "T")], "{}"),
        false => Say::ok(json!({"summary": 1}).to_string()),
    })
    .await;
    let client = client(&server);
    client.devices("7", call()).await.unwrap();
    down.store(true, Ordering::Relaxed);
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(17)).await;
    tokio::time::resume();
    client.devices("7", call()).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(7)).await;
    tokio::time::resume();
    let error = client.devices("7", call()).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::NotSent));
    assert_eq!(error.action, ACTION);
}

#[tokio::test]
async fn an_answer_without_a_token_is_none() {
    let server = Server::start(|_| Say::with(201, &[], "{}")).await;
    let error = client(&server).devices("7", call()).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::NotSent));
    assert!(error.message.contains("X-Subject-Token"));
    assert!(!format!("{:?}", client(&server)).contains("PASSWORD"));
}
