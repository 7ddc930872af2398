use std::sync::Mutex;

use super::*;
use crate::http::carrier::Internet;
use crate::http::fence::Always;
use crate::http::testing::{Say, Server, closed_port, later, transport, transport_with};

fn post(url: Url, body: &'static str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "CONFIDENTIAL".parse().unwrap());
    Request { method: Method::POST, url, headers, body: Bytes::from_static(body.as_bytes()) }
}

/// Everything an error could print, its sources included.
fn all_texts(error: &TransportError) -> String {
    let first: &(dyn StdError + 'static) = error;
    let chain = std::iter::successors(Some(first), |&error| error.source());
    chain.map(|error| format!("{error} {error:?}")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_request_arrives_and_the_answer_comes_back() {
    let server = Server::start(|_| Say::with(418, &[("x-id", "7"), ("retry-after", "3")], "tea")).await;
    let answer = transport().send(post(server.url("/a?b=c"), "hello"), later()).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (418, &b"tea"[..]));
    assert_eq!(answer.headers["x-id"], "7");
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(3)));
    let seen = &server.seen()[0];
    assert_eq!((seen.target.as_str(), &seen.body[..]), ("/a?b=c", &b"hello"[..]));
    assert_eq!(seen.header("authorization"), "CONFIDENTIAL");
    assert_eq!(seen.header("host"), format!("127.0.0.1:{}", server.port));
}

#[tokio::test]
async fn an_address_of_version_6_is_called_where_it_is_allowed() {
    let server = Server::start_at("[::1]:0", |_| Say::ok("tea")).await;
    let url = Url::parse(&format!("http://[::1]:{}/a", server.port)).unwrap();
    let port = server.port;
    for entry in [format!("[::1]:{port}"), "[::1]:*".to_owned()] {
        let answer = transport_with(&[&entry], Arc::new(Always)).send(post(url.clone(), "x"), later()).await;
        assert_eq!(&answer.unwrap().body[..], b"tea", "{entry}");
    }
    assert_eq!(server.seen()[0].header("host"), format!("[::1]:{}", server.port));
    for entry in ["::1", "127.0.0.1:*", "[fd00::*]:*"] {
        let refused = transport_with(&[entry], Arc::new(Always)).send(post(url.clone(), "x"), later()).await;
        assert!(matches!(refused.unwrap_err(), TransportError::NotAllowed(_)), "{entry}");
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let url = Url::parse(&format!("http://127.0.0.1:{}/?secret=CONFIDENTIAL", closed_port().await)).unwrap();
    let error = transport().send(post(url, "CONFIDENTIAL"), later()).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
    assert!(!error.may_have_been_sent());
    assert_eq!(error.to_string(), "request to 127.0.0.1: not sent, no connection");
    assert!(error.detail().unwrap().to_string().to_lowercase().contains("refused"), "for the log: {error:?}");
    assert!(!all_texts(&error).contains("CONFIDENTIAL"));
}

#[tokio::test]
async fn a_failed_handshake_was_not_sent() {
    let server = Server::start(|_| Say::ok("")).await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", server.port)).unwrap();
    let error = transport().send(post(url, "x"), later()).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
    assert_eq!(error.to_string(), "request to 127.0.0.1: not sent, TLS failed", "{error:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_name_without_address_reads_like_a_port_without_server() {
    let transport = transport_with(&["nowhere.invalid:*"], Arc::new(Always));
    let url = Url::parse("http://nowhere.invalid/").unwrap();
    let error = transport.send(post(url, "x"), later()).await.unwrap_err();
    assert_eq!(error.to_string(), "request to nowhere.invalid: not sent, no connection");
}

#[tokio::test]
async fn a_cut_connection_is_unclear_and_tells_no_secret() {
    for half in [None, Some(&b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"[..])] {
        let say = move |_: &_| half.map_or(Say::Cut, |bytes| Say::Raw(bytes.to_vec()));
        let server = Server::start(say).await;
        let request = post(server.url("/?secret=CONFIDENTIAL"), "CONFIDENTIAL");
        assert!(!format!("{request:?}").contains("CONFIDENTIAL"));
        let error = transport().send(request, later()).await.unwrap_err();
        assert!(matches!(error, TransportError::Cut { .. }), "{error:?}");
        assert!(error.may_have_been_sent());
        assert_eq!(server.seen().len(), 1, "not sent a second time");
        assert!(!all_texts(&error).contains("CONFIDENTIAL"), "{}", all_texts(&error));
    }
}

#[tokio::test]
async fn no_answer_before_the_deadline_is_unclear() {
    let server = Server::start(|_| Say::Hang).await;
    // Long enough to connect on a busy machine.
    let deadline = Instant::now() + Duration::from_secs(2);
    let error = transport().send(post(server.url("/"), "x"), deadline).await.unwrap_err();
    assert!(matches!(error, TransportError::TimedOut { .. }), "{error:?}");
    assert!(error.may_have_been_sent());
}

#[tokio::test]
async fn a_deadline_that_is_over_sends_nothing() {
    let server = Server::start(|_| Say::ok("")).await;
    let error = transport().send(post(server.url("/"), "x"), Instant::now()).await.unwrap_err();
    assert!(matches!(error, TransportError::Late { .. }), "{error:?}");
    assert!(!error.may_have_been_sent());
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn redirects_are_answers() {
    let other = Server::start(|_| Say::ok("other")).await;
    let target = other.url("/").to_string();
    let server = Server::start(move |_| Say::with(307, &[("location", &target)], "")).await;
    let answer = transport().send(post(server.url("/"), "x"), later()).await.unwrap();
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_unclear_with_and_without_a_length() {
    let long = Bytes::from(vec![b'x'; MAX_BODY + 1]);
    let announced = Server::start({
        let long = long.clone();
        move |_| Say::ok(long.clone())
    });
    let unannounced = Server::start(move |_| {
        Say::Raw([&b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"[..], &long].concat())
    });
    for server in [announced.await, unannounced.await] {
        let error = transport().send(post(server.url("/"), "x"), later()).await.unwrap_err();
        assert!(matches!(error, TransportError::BodyTooLarge { .. }), "{error:?}");
        assert!(error.may_have_been_sent());
    }
}

#[tokio::test]
async fn the_longest_allowed_answer_is_read() {
    let server = Server::start(|_| Say::ok(vec![b'x'; MAX_BODY])).await;
    let answer = transport().send(post(server.url("/"), "x"), later()).await.unwrap();
    assert_eq!(answer.body.len(), MAX_BODY);
    assert!(!format!("{answer:?}").contains("xx"));
}

#[tokio::test]
async fn a_refusal_is_read_as_far_as_a_code_and_a_message_need_it() {
    for (length, read) in [(MAX_REFUSAL, true), (MAX_REFUSAL + 1, false)] {
        let server = Server::start(move |_| Say::with(500, &[], vec![b'x'; length])).await;
        let answer = transport().send(post(server.url("/"), "x"), later()).await;
        let too_large = |error: &TransportError| matches!(error, TransportError::BodyTooLarge { most, .. } if *most == MAX_REFUSAL);
        assert!(if read { answer.is_ok() } else { too_large(&answer.unwrap_err()) }, "{length}");
    }
}

#[tokio::test]
async fn long_answers_take_turns_and_short_ones_do_not_wait_for_them() {
    let memory = Arc::new(Memory::default());
    let server = Server::start(|seen| match seen.target.as_str() {
        "/short" => Say::ok("short"),
        _ => Say::ok(vec![b'x'; MAX_BODY]),
    })
    .await;
    let transport = crate::http::testing::transport_of(Arc::clone(&memory));
    let held = [memory.answers.wide("").await, memory.answers.wide("").await];
    let long = transport.send(post(server.url("/long"), "x"), later());
    let mut long = std::pin::pin!(long);
    tokio::select! {
        biased;
        _ = &mut long => panic!("there is no place for a long answer"),
        short = transport.send(post(server.url("/short"), "x"), later()) => assert_eq!(&short.unwrap().body[..], b"short"),
    }
    drop(held);
    let answer = long.await.unwrap();
    assert_eq!(answer.body.len(), MAX_BODY);
    drop(answer);
    drop([memory.answers.wide("").await, memory.answers.wide("").await]);
}

#[tokio::test]
async fn an_answer_that_finds_no_place_ends_with_its_deadline_and_gives_all_back() {
    let memory = Arc::new(Memory::default());
    let server = Server::start(|_| Say::ok(vec![b'x'; MAX_BODY])).await;
    let transport = crate::http::testing::transport_of(Arc::clone(&memory));
    let held = [memory.answers.wide("").await, memory.answers.wide("").await];
    let deadline = Instant::now() + Duration::from_secs(2);
    let error = transport.send(post(server.url("/"), "x"), deadline).await.unwrap_err();
    assert!(matches!(error, TransportError::TimedOut { .. }) && error.may_have_been_sent(), "{error:?}");
    drop(held);
    assert!(transport.send(post(server.url("/"), "x"), later()).await.is_ok());
}

/// Covers until a moment, and keeps what it was asked.
struct Until(Instant, Mutex<Vec<Instant>>);

impl Fence for Until {
    fn covers(&self, until: Instant) -> bool {
        self.1.lock().unwrap().push(until);
        until <= self.0
    }
}

#[tokio::test]
async fn nothing_is_sent_that_leadership_does_not_outlast() {
    let server = Server::start(|_| Say::ok("")).await;
    let fence = Arc::new(Until(later(), Mutex::default()));
    let asked = Arc::clone(&fence);
    let transport = transport_with(&["127.0.0.1:*"], fence);
    let error = transport.send(post(server.url("/"), "x"), asked.0).await.unwrap_err();
    assert!(matches!(error, TransportError::NotLeader { .. }), "{error:?}");
    assert!(!error.may_have_been_sent());
    assert!(server.seen().is_empty());
    transport.send(post(server.url("/"), "x"), asked.0 - FENCE_MARGIN).await.unwrap();
    assert_eq!(*asked.1.lock().unwrap(), [asked.0 + FENCE_MARGIN, asked.0]);
}

#[tokio::test]
async fn hosts_are_checked_by_name_and_by_address() {
    let server = Server::start(|_| Say::ok("")).await;
    let by_name = transport_with(&["127.0.0.2:*"], Arc::new(Always));
    let error = by_name.send(post(server.url("/"), "x"), later()).await.unwrap_err();
    assert!(matches!(error, TransportError::NotAllowed(EndpointError::Host { .. })), "{error:?}");
    let url = Url::parse(&format!("http://localhost:{}/", server.port)).unwrap();
    let by_address = transport_with(&["localhost:*"], Arc::new(Always));
    let error = by_address.send(post(url, "x"), later()).await.unwrap_err();
    assert!(matches!(error, TransportError::NotAllowed(EndpointError::Address { .. })), "{error:?}");
    assert!(!error.may_have_been_sent());
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_clock_is_learnt_from_any_answer() {
    let ahead = std::time::SystemTime::now() + Duration::from_mins(10);
    let date = httpdate::fmt_http_date(ahead);
    let server = Server::start(move |_| Say::with(403, &[("date", &date)], "")).await;
    let transport = transport();
    assert_eq!(transport.skew(), SignedDuration::ZERO);
    transport.send(post(server.url("/"), "x"), later()).await.unwrap();
    assert!((590..=610).contains(&transport.skew().as_secs()), "{:?}", transport.skew());
    assert!(transport.now() > Timestamp::now() + SignedDuration::from_secs(500));
}

#[test]
fn a_bundle_without_certificates_is_refused() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let endpoints = Arc::new(AllowedEndpoints::parse(&[]).unwrap());
        let options = Options {
            ca_bundle: Some(pem.into()),
            endpoints,
            fence: Arc::new(Always),
            network: Arc::new(Internet),
            memory: Arc::default(),
            tenant: Arc::from(""),
        };
        assert!(Transport::new(options).is_err(), "{pem:?}");
    }
}
