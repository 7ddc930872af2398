//! A vendor that an attack has in its hand: an HTTP server on loopback whose every answer is scripted. It can keep
//! a caller waiting for as long as the attack wants, and counts what it was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{once, pending};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use iot_test_harness::{PATIENCE, until};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A call as the double sees it.
pub(crate) struct Ask {
    /// Name of the action, in the vendor's own words.
    pub(crate) action: String,
    /// How often this action was asked for before.
    pub(crate) nth: usize,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) body: String,
}

impl Ask {
    /// Last part of the path, without the query.
    pub(crate) fn last(&self) -> &str {
        let path = self.target.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

/// What the double does with a call.
pub(crate) enum Answer {
    /// Answers at once.
    Now {
        /// HTTP status.
        status: u16,
        /// Headers besides the usual.
        headers: Vec<(&'static str, String)>,
        /// All of the body.
        body: Bytes,
    },
    /// Keeps the caller waiting until the double ends.
    Held,
    /// Sends this much of a body, and the rest never.
    Stalled(Bytes),
}

impl Answer {
    /// Success with this body.
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::with(200, body)
    }

    /// A status with this body.
    pub(crate) fn with(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Now { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with one more header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Now { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;
type Script = Box<dyn Fn(&Ask) -> Answer + Send + Sync>;

struct State {
    script: Script,
    asked: Mutex<BTreeMap<String, usize>>,
    /// Head and body of every call, cut.
    seen: Mutex<Vec<String>>,
    held: AtomicUsize,
}

/// A running double; ends when dropped.
pub(crate) struct Double {
    address: SocketAddr,
    state: Arc<State>,
    end: watch::Sender<bool>,
}

/// Of a call's text this much is kept.
const KEPT: usize = 4_000;

impl Double {
    /// Starts one on a thread of its own, so that a busy test does not make it slow.
    pub(crate) fn start(script: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener of the runtime's kind");
        let address = listener.local_addr().expect("its address");
        let (end, mut ended) = watch::channel(false);
        let state = Arc::new(State {
            script: Box::new(script),
            asked: Mutex::default(),
            seen: Mutex::default(),
            held: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(&listener, &serving) => {}
                    // Also when the double is dropped.
                    _ = ended.changed() => {}
                }
            });
        });
        Self { address, state, end }
    }

    /// Its address as accounts name it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often it was asked for anything.
    pub(crate) fn asked_in_all(&self) -> usize {
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Head and body of every call, cut.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many callers wait now.
    pub(crate) fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }

    /// Waits until an action was asked for so often.
    pub(crate) async fn until_asked(&self, action: &str, times: usize) {
        until(&format!("{times} calls of {action}"), PATIENCE, async || {
            let asked = self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let seen = asked.get(action).copied().unwrap_or_default();
            if seen >= times { Ok(()) } else { Err(format!("{asked:?}")) }
        })
        .await;
    }

    /// Waits until callers are kept waiting and no more come, and gives their number.
    pub(crate) async fn settled(&self) -> usize {
        let mut before = Vec::new();
        until("callers that wait, and no more of them", PATIENCE, async || {
            let held = self.held();
            before.retain(|count| *count == held);
            before.push(held);
            // A second's worth of looks.
            if held > 0 && before.len() > 20 { Ok(held) } else { Err(held.to_string()) }
        })
        .await
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.end.send_replace(true);
    }
}

async fn accept(listener: &TcpListener, state: &Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let state = Arc::clone(state);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            // A caller that leaves is none of its business.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The action of a call: Tencent names it in a header, Huawei by method and path.
fn action(request: &Request<Incoming>) -> String {
    if let Some(action) = request.headers().get("x-tc-action").and_then(|action| action.to_str().ok()) {
        return action.to_owned();
    }
    let path = request.uri().path();
    let below = path.split_once("/products").map(|(_, below)| below);
    match (request.method().as_str(), below) {
        ("GET", Some("")) => "ListProducts",
        ("POST", Some("")) => "CreateProduct",
        ("GET", Some(below)) if below.ends_with("/devices-summary") => "ListDevicesInProduct",
        ("PUT", Some(below)) if below.ends_with("/authentication") => "ResetProductAuthentication",
        ("GET", Some(_)) => "ShowProduct",
        ("PUT", Some(_)) => "UpdateProduct",
        ("DELETE", Some(_)) => "DeleteProduct",
        _ if path.ends_with("/auth/tokens") => "Login",
        _ => "unknown",
    }
    .to_owned()
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let action = action(&request);
    let target = request.uri().to_string();
    let head = format!("{} {target} {:?}", request.method(), request.headers());
    let body = request.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let nth = {
        let mut asked = state.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(action.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let text: String = format!("{head}\n{body}").chars().take(KEPT).collect();
    state.seen.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    match (state.script)(&Ask { action, nth, target, body }) {
        Answer::Now { status, headers, body } => {
            let mut response = Response::builder().status(status).header("content-type", "application/json");
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(body).boxed_unsync()).expect("a scripted answer"))
        }
        Answer::Held => {
            let _waits = Waits::new(&state);
            std::future::pending().await
        }
        Answer::Stalled(body) => {
            let (first, waits) = (once(async { Ok(Frame::data(body)) }), Waits::new(&state));
            let body = StreamBody::new(first.chain(pending()).map(move |frame| {
                let _waits = &waits;
                frame
            }));
            Ok(Response::new(body.boxed_unsync()))
        }
    }
}

/// Counts a caller for as long as it waits, also when it leaves.
struct Waits(Arc<State>);

impl Waits {
    fn new(state: &Arc<State>) -> Self {
        state.held.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(state))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}
