//! `/livez`, `/readyz` and `/metrics`, on a thread of their own: they answer while all workers are busy,
//! which is when they are asked for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::metrics::{self, Metrics};

/// Connections that are served at a time; further ones wait.
const CONNECTIONS: usize = 64;
/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the process works. Clones share the answer.
#[derive(Clone, Debug)]
pub struct Health {
    state: Arc<Mutex<State>>,
    longest_silence: Duration,
}

#[derive(Debug)]
struct State {
    components: BTreeMap<&'static str, bool>,
    last_beat: Instant,
}

impl Health {
    /// Not ready until every one of `components` is; alive while [`Health::beat`] is called at least every
    /// `longest_silence`, which is counted from now.
    pub fn new(components: &[&'static str], longest_silence: Duration) -> Self {
        let components = components.iter().map(|component| (*component, false)).collect();
        let state = Arc::new(Mutex::new(State { components, last_beat: Instant::now() }));
        Self { state, longest_silence }
    }

    /// `component` works, or no longer does.
    pub fn set_ready(&self, component: &'static str, ready: bool) {
        self.lock().components.insert(component, ready);
    }

    /// The main loop is not stuck.
    pub fn beat(&self) {
        self.lock().last_beat = Instant::now();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, now: Instant) -> (StatusCode, String) {
        let silence = now.saturating_duration_since(self.lock().last_beat);
        if silence <= self.longest_silence {
            (StatusCode::OK, "ok\n".into())
        } else {
            let text = format!("the main loop has not shown itself for {} s\n", silence.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }

    fn ready(&self) -> (StatusCode, String) {
        let state = self.lock();
        let mut text = String::new();
        for (component, ready) in &state.components {
            // Writing into a String does not fail.
            let _ = writeln!(text, "{component}: {}", if *ready { "ready" } else { "not ready" });
        }
        let ready = state.components.values().all(|ready| *ready);
        (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text)
    }
}

/// Why the endpoints cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for metrics and health; choose another --metrics-addr")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// There is no thread or runtime to serve them.
    #[error("cannot start the thread for metrics and health")]
    Start(#[source] std::io::Error),
}

/// The endpoints, served until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` (port 0 is any free one) and serves.
    pub fn start(address: SocketAddr, health: Health, metrics: Metrics) -> Result<Self, ServerError> {
        let bind = |source| ServerError::Bind { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let bound = listener.local_addr().map_err(bind)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServerError::Start)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, health, metrics) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("health".into()).spawn(serve);
        let thread = Some(thread.map_err(ServerError::Start)?);
        Ok(Self { address: bound, stop: Some(stop), thread })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
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

async fn accept(listener: std::net::TcpListener, health: Health, metrics: Metrics) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "metrics and health are not served");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let connection = match listener.accept().await {
            Ok((connection, _)) => connection,
            Err(error) => {
                // Out of file descriptors, mostly: it passes, and must not become a busy loop.
                tracing::warn!(%error, "cannot accept a connection for metrics and health");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (health, metrics) = (health.clone(), metrics.clone());
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let response = respond(&request, &health, &metrics);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            if let Err(error) = http.serve_connection(TokioIo::new(connection), answer).await {
                tracing::debug!(%error, "connection for metrics and health ended");
            }
            drop(place);
        });
    }
}

fn respond(request: &Request<Incoming>, health: &Health, metrics: &Metrics) -> Response<Full<Bytes>> {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    let ((status, text), kind) = match request.uri().path() {
        "/livez" => (health.live(Instant::now()), plain),
        "/readyz" => (health.ready(), plain),
        "/metrics" => ((StatusCode::OK, metrics.encode()), HeaderValue::from_static(metrics::CONTENT_TYPE)),
        _ => ((StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n".into()), plain),
    };
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = Response::new(Full::from(if allowed { text } else { String::new() }));
    *response.status_mut() = if allowed { status } else { StatusCode::METHOD_NOT_ALLOWED };
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if !allowed {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    const SILENCE: Duration = Duration::from_mins(1);

    fn ask(server: &Server, method: &str, path: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(server.address()).unwrap();
        write!(connection, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn start(health: &Health) -> Server {
        Server::start(([127, 0, 0, 1], 0).into(), health.clone(), Metrics::new()).unwrap()
    }

    #[test]
    fn ready_when_all_components_are() {
        let health = Health::new(&["leader election", "watches"], SILENCE);
        let server = start(&health);
        health.set_ready("watches", true);
        let (status, body) = ask(&server, "GET", "/readyz");
        assert_eq!((status, body.as_str()), (503, "leader election: not ready\nwatches: ready\n"));
        health.set_ready("leader election", true);
        assert_eq!(ask(&server, "GET", "/readyz").0, 200);
        health.set_ready("watches", false);
        assert_eq!(ask(&server, "GET", "/readyz").0, 503);
    }

    #[test]
    fn alive_while_the_main_loop_beats() {
        let health = Health::new(&[], SILENCE);
        let begin = Instant::now();
        assert_eq!(health.live(begin + SILENCE / 2).0, StatusCode::OK);
        let (status, text) = health.live(begin + SILENCE * 2);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains("main loop"), "{text}");
        health.beat();
        assert_eq!(ask(&start(&health), "GET", "/livez"), (200, "ok\n".into()));
        let stuck = Health::new(&[], Duration::ZERO);
        assert_eq!(ask(&start(&stuck), "GET", "/livez").0, 503);
    }

    #[test]
    fn answers_while_every_worker_is_busy() {
        let health = Health::new(&[], SILENCE);
        let busy = tokio::runtime::Builder::new_current_thread().build().unwrap();
        busy.block_on(async {
            // This thread is the only one of its runtime, and blocks.
            let server = start(&health);
            let (status, body) = ask(&server, "GET", "/metrics");
            assert_eq!(status, 200);
            assert!(body.contains("iot_operator_build_info"), "{body}");
        });
    }

    #[test]
    fn nothing_else_is_served() {
        let server = start(&Health::new(&[], SILENCE));
        assert_eq!(ask(&server, "GET", "/").0, 404);
        assert_eq!(ask(&server, "POST", "/metrics").0, 405);
        assert_eq!(ask(&server, "HEAD", "/livez"), (200, String::new()));
    }

    #[test]
    fn a_taken_address_is_an_error_that_names_the_flag() {
        let health = Health::new(&[], SILENCE);
        let server = start(&health);
        let error = Server::start(server.address(), health, Metrics::new()).unwrap_err();
        assert!(error.to_string().contains("--metrics-addr"), "{error}");
    }

    #[test]
    fn dropping_it_frees_the_address() {
        let health = Health::new(&[], SILENCE);
        let address = start(&health).address();
        assert!(TcpStream::connect(address).is_err());
    }
}
