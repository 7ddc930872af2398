//! One port: accepts connections while there are places, answers one request on each, and closes it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::places::{Asked, Places, Room};

/// How long a client may take to send the head of its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may last in all, however slowly the answer is read.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a request's head that are kept.
const LONGEST_HEAD: usize = 16 * 1024;
/// Pause after a connection that could not be accepted: out of file descriptors, mostly, which passes.
const PAUSE: Duration = Duration::from_millis(100);

/// What answers the requests of a port.
pub(super) trait Answer: Clone + Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>>;
}

/// Serves `listener` for ever, at most `limit` connections at a time.
pub(super) async fn serve(listener: TcpListener, limit: usize, answer: impl Answer) {
    let mut places: Places<AbortHandle> = Places::new(limit);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = connections.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                places.leave(|connection| connection.id() == id);
            }
            accepted = listener.accept() => match accepted {
                Ok((connection, peer)) => {
                    admit(connection, peer.ip().to_canonical(), &answer, &mut places, &mut connections);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection for metrics and health");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
}

fn admit(
    connection: TcpStream,
    peer: IpAddr,
    answer: &impl Answer,
    places: &mut Places<AbortHandle>,
    connections: &mut JoinSet<()>,
) {
    match places.room(peer) {
        Room::Free => {}
        Room::InsteadOf(other) => other.abort(),
        // Closed at once: whoever waited in a queue here would wait as long as others like.
        Room::None => return,
    }
    let asked = Asked::default();
    let end = connections.spawn(exchange(connection, asked.clone(), answer.clone()));
    places.take(peer, asked, end);
}

/// One request and its answer.
async fn exchange(connection: TcpStream, asked: Asked, answer: impl Answer) {
    let service = service_fn(|request| {
        asked.set();
        std::future::ready(Ok::<_, Infallible>(answer.answer(&request)))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(LONGEST_HEAD)
        .keep_alive(false);
    let served = http.serve_connection(TokioIo::new(connection), service);
    match tokio::time::timeout(CONNECTION_TIMEOUT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection for metrics or health ended"),
        Err(_) => tracing::debug!("a connection for metrics or health was not read and is closed"),
    }
}
