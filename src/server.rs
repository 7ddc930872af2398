//! `/livez` and `/readyz` on one port, `/metrics` on another, both on a thread of their own: they answer while all
//! workers are busy, which is when they are asked for. Health has a port of its own because everybody who may read
//! metrics could otherwise keep the kubelet's probes from being answered.

mod door;
mod health;
mod places;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::metrics::{self, Metrics};
pub use health::{Component, Health};

/// Connections to the metrics port at a time.
const METRICS_CONNECTIONS: usize = 64;
/// Connections to the health port at a time. A kubelet has two at most.
const HEALTH_CONNECTIONS: usize = 32;

/// Why the endpoints cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another {flag}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is no thread or runtime to serve them.
    #[error("cannot start the thread for metrics and health")]
    Start(#[source] std::io::Error),
}

/// Where a server listens; port 0 is any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Of `/metrics`.
    pub metrics: SocketAddr,
    /// Of `/livez` and `/readyz`.
    pub health: SocketAddr,
}

/// The endpoints, served until this is dropped.
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on both addresses and serves.
    pub fn start(addresses: Addresses, health: Health, metrics: Metrics) -> Result<Self, ServerError> {
        let (for_metrics, metrics_address) = listen(addresses.metrics, "--metrics-addr")?;
        let (for_health, health_address) = listen(addresses.health, "--health-addr")?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServerError::Start)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let metrics = serve(for_metrics, METRICS_CONNECTIONS, MetricsPort(metrics));
                let health = serve(for_health, HEALTH_CONNECTIONS, HealthPort(health));
                tokio::select! {
                    ((), ()) = async { tokio::join!(metrics, health) } => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("health".into()).spawn(serve);
        let thread = Some(thread.map_err(ServerError::Start)?);
        let addresses = Addresses { metrics: metrics_address, health: health_address };
        Ok(Self { addresses, stop: Some(stop), thread })
    }

    /// The addresses it listens on.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread for metrics and health had panicked");
        }
    }
}

fn listen(
    address: SocketAddr,
    flag: &'static str,
) -> Result<(std::net::TcpListener, SocketAddr), ServerError> {
    let bind = |source| ServerError::Bind { address, flag, source };
    let listener = std::net::TcpListener::bind(address).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    Ok((listener, bound))
}

async fn serve(listener: std::net::TcpListener, limit: usize, answer: impl door::Answer) {
    match TcpListener::from_std(listener) {
        Ok(listener) => door::serve(listener, limit, answer).await,
        Err(error) => tracing::error!(%error, "metrics or health are not served"),
    }
}

/// Answers `/metrics`.
#[derive(Clone)]
struct MetricsPort(Metrics);

impl door::Answer for MetricsPort {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return nothing_else(
                request,
                "there is /metrics; /livez and /readyz are served on --health-addr\n",
            );
        }
        respond(request, StatusCode::OK, || self.0.encode(), metrics::CONTENT_TYPE)
    }
}

/// Answers `/livez` and `/readyz`.
#[derive(Clone)]
struct HealthPort(Health);

impl door::Answer for HealthPort {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, text) = match request.uri().path() {
            "/livez" => self.0.live(Instant::now()),
            "/readyz" => self.0.ready(),
            _ => {
                let text = "there are /livez and /readyz; /metrics is served on --metrics-addr\n";
                return nothing_else(request, text);
            }
        };
        respond(request, status, || text, PLAIN)
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn nothing_else(request: &Request<Incoming>, text: &'static str) -> Response<Full<Bytes>> {
    respond(request, StatusCode::NOT_FOUND, || text.to_owned(), PLAIN)
}

fn respond(
    request: &Request<Incoming>,
    status: StatusCode,
    text: impl FnOnce() -> String,
    kind: &'static str,
) -> Response<Full<Bytes>> {
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = Response::new(Full::from(if allowed { text() } else { String::new() }));
    *response.status_mut() = if allowed { status } else { StatusCode::METHOD_NOT_ALLOWED };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if !allowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
