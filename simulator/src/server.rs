//! HTTP: accepting connections, reading requests, and which door a request goes through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::core::Core;
use crate::door::Door;
use crate::reply::{Cut, Reply, ReplyBody};
use crate::tencent::BODY_LIMIT;
use crate::{admin_http, pipeline};

/// A request, read to its end.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body was larger than any vendor takes; it is not kept.
    pub(crate) oversized: bool,
}

impl Incoming {
    /// The value of a header, by its lower-case name, if it is a text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }
}

/// When a call is carried out, by the vendor's clock and ours.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// The vendor's clock, in seconds since the Unix epoch.
    pub(crate) unix_seconds: i64,
    pub(crate) instant: Instant,
    pub(crate) list_lag: Duration,
}

/// Accepts connections until `stop` is dropped; connections end with it.
pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>, mut stop: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, core.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, core: Arc<Core>, stop: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, peer, core.clone(), stop.clone()));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

async fn read(request: Request<Body>) -> Result<Incoming, Cut> {
    let (parts, body) = request.into_parts();
    let (body, oversized) = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => (collected.to_bytes(), false),
        Err(error) if error.is::<LengthLimitError>() => (Bytes::new(), true),
        Err(_) => return Err(Cut),
    };
    let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
    Ok(Incoming { method, uri, headers, body, oversized })
}

/// Starts the work on a request and returns what waits for its answer.
///
/// The work is a task of its own, begun before the first poll: once a request is there, its effect does not
/// depend on the client's patience, and hyper drops what waits as soon as it sees the client leave.
fn answer(
    request: Request<Body>,
    peer: SocketAddr,
    core: Arc<Core>,
    mut stop: watch::Receiver<()>,
) -> impl Future<Output = Result<Response<ReplyBody>, Cut>> {
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            _ = stop.changed() => {}
            () = work(request, peer, core, sender) => {}
        }
    });
    async { receiver.await.map_or(Err(Cut), |reply: Reply| Ok(reply.into())) }
}

async fn work(request: Request<Body>, peer: SocketAddr, core: Arc<Core>, exit: oneshot::Sender<Reply>) {
    let Ok(incoming) = read(request).await else { return };
    let path = incoming.uri.path();
    let reply = if let Some(door) = Door::of(&incoming) {
        return pipeline::run(core, door, incoming, None, exit).await;
    } else if !path.starts_with("/_admin/") {
        Reply::text(StatusCode::NOT_FOUND, "no vendor's API is at this path\n")
    } else if peer.ip().is_loopback() || core.open_admin {
        admin_http::answer(&core, &incoming).await
    } else {
        Reply::text(StatusCode::FORBIDDEN, "the admin interface answers to loopback only\n")
    };
    // A client that left needs no answer.
    let _ = exit.send(reply);
}
