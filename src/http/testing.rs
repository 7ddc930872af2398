//! A vendor on loopback for tests of this crate: answers what the test says and keeps what it saw.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Url;
use super::carrier::Internet;
use super::endpoint::AllowedEndpoints;
use super::fence::{Always, Fence};
use super::memory::Memory;
use super::transport::{Options, Transport};

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does with a request.
pub(crate) enum Say {
    Answer(StatusCode, HeaderMap, Bytes),
    /// Closes the connection after the request was read.
    Cut,
    /// Writes these bytes instead of an answer of its own, then closes.
    Raw(Vec<u8>),
    /// Never answers.
    Hang,
}

impl Say {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::Answer(StatusCode::OK, HeaderMap::new(), body.into())
    }

    pub(crate) fn with(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Self::Answer(StatusCode::from_u16(status).unwrap(), headers.collect(), body.into())
    }
}

/// The server; its connections end when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _connections: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", handler).await
    }

    pub(crate) async fn start_at(
        address: &str,
        handler: impl Fn(&Seen) -> Say + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, handler) = (Arc::clone(&seen), Arc::new(handler));
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                open.spawn(async move { serve(stream, &log, handler.as_ref()).await });
            }
        });
        Self { port, seen, _connections: connections }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, log: &Mutex<Vec<Seen>>, handler: &(dyn Fn(&Seen) -> Say + Send + Sync)) {
    let raw = Mutex::new(None);
    let service = service_fn(|request: http::Request<Incoming>| {
        let raw = &raw;
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| "body")?.to_bytes();
            let target = head.uri.to_string();
            let seen = Seen { method: head.method, target, headers: head.headers, body };
            log.lock().unwrap().push(seen.clone());
            match handler(&seen) {
                Say::Answer(status, headers, body) => {
                    let mut response = Response::new(Full::new(body));
                    *response.status_mut() = status;
                    response.headers_mut().extend(headers);
                    Ok(response)
                }
                Say::Cut => Err("cut"),
                Say::Raw(bytes) => {
                    *raw.lock().unwrap() = Some(bytes);
                    Err("raw")
                }
                Say::Hang => std::future::pending().await,
            }
        })
    });
    let http1 = hyper::server::conn::http1::Builder::new();
    let mut connection = http1.serve_connection(TokioIo::new(stream), service);
    if std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await.is_err() {
        let mut stream = connection.into_parts().io.into_inner();
        let bytes: Option<Vec<u8>> = raw.lock().unwrap().take();
        if let Some(bytes) = bytes {
            // The client hangs up in the middle of what is too long for it.
            let _ = stream.write_all(&bytes).await;
        }
    }
}

/// A port at which nothing listens.
pub(crate) async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A transport that may go to loopback by address.
pub(crate) fn transport() -> Transport {
    transport_with(&["127.0.0.1:*", "localhost:*"], Arc::new(Always))
}

pub(crate) fn transport_with(globs: &[&str], fence: Arc<dyn Fence>) -> Transport {
    transport_of_all(globs, fence, Arc::default())
}

/// The same as [`transport`], with this memory.
pub(crate) fn transport_of(memory: Arc<Memory>) -> Transport {
    transport_of_all(&["127.0.0.1:*"], Arc::new(Always), memory)
}

fn transport_of_all(globs: &[&str], fence: Arc<dyn Fence>, memory: Arc<Memory>) -> Transport {
    // The first test to come installs it; the others find it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
    let endpoints = Arc::new(AllowedEndpoints::parse(&globs).unwrap().with_plain_http(true));
    let network = Arc::new(Internet);
    Transport::new(Options { ca_bundle: None, endpoints, fence, network, memory, tenant: Arc::from("") })
        .unwrap()
}

/// A deadline that no test that works ever reaches.
pub(crate) fn later() -> Instant {
    Instant::now() + Duration::from_mins(1)
}
