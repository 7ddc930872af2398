//! A Kubernetes API server in this process, for simulations on tokio's clock.
//!
//! It has what an operator uses: get, list, watch, create, replace, JSON Patch, merge patch, delete, the
//! subresource `status`, finalizers, generations, preconditions and the end of namespaces. What it does not have:
//! authentication, RBAC, validation of values (CEL), server-side apply, quotas. `tests/differential.rs` compares
//! it with the real one; where the two differ, this one is wrong.

mod controllers;
mod kind;
mod patch;
mod refusal;
mod route;
mod schema;
mod store;
mod verb;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use tokio::time::Instant;

pub use kind::{Kind, kinds};
pub use refusal::Refusal;
use route::Route;
use store::Store;
use verb::{Change, Outcome, Place};

/// Whatever went wrong on the way.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

struct Inner {
    kinds: Arc<[Kind]>,
    store: Mutex<Store>,
    changed: tokio::sync::watch::Sender<()>,
    lag: Mutex<Duration>,
    started: (Timestamp, Instant),
}

/// The API server. Clones are the same one.
#[derive(Clone)]
pub struct ApiServer(Arc<Inner>);

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl ApiServer {
    /// An empty one that serves these kinds. It is `now`, and time goes on as tokio's clock does.
    pub fn new(kinds: Arc<[Kind]>, now: Timestamp) -> Self {
        Self(Arc::new(Inner {
            kinds,
            store: Mutex::default(),
            changed: tokio::sync::watch::Sender::new(()),
            lag: Mutex::default(),
            started: (now, Instant::now()),
        }))
    }

    /// Has watches tell every change so much later.
    pub fn set_watch_lag(&self, lag: Duration) {
        *self.0.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
        self.0.changed.send_replace(());
    }

    /// Forgets the past: watches that are behind end with 410 and have to begin anew.
    pub fn forget_changes(&self) {
        self.store().forget();
        self.0.changed.send_replace(());
    }

    /// An object, by the plural of its kind.
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let kind = self.0.kinds.iter().position(|kind| kind.plural == plural)?;
        self.store().get(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// All objects of a kind.
    pub fn objects(&self, plural: &str) -> Vec<Value> {
        let Some(kind) = self.0.kinds.iter().position(|kind| kind.plural == plural) else {
            return Vec::new();
        };
        self.store().list(kind, "").iter().map(|(_, object)| Value::clone(object)).collect()
    }

    /// The resource version of the last change.
    pub fn version(&self) -> u64 {
        self.store().version()
    }

    /// Carries a request out.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Some(route) = Route::of(&head.uri, &self.0.kinds) else {
            return refused(&Refusal::no_path());
        };
        if head.method == Method::GET && route.name.is_none() && watches(&route) {
            return self.watch(&route);
        }
        let content =
            head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let outcome = self.carry_out(&head.method, &route, content, &body);
        self.0.changed.send_replace(());
        match outcome {
            Ok((status, object)) => whole(status, &object),
            Err(refusal) => refused(&refusal),
        }
    }

    fn carry_out(&self, method: &Method, route: &Route<'_>, content: &str, body: &[u8]) -> Outcome {
        let (number, kind) = route.kind;
        if *method == Method::GET {
            return self.read(route);
        }
        let body = || serde_json::from_slice::<Value>(body).map_err(|error| Refusal::bad(&error.to_string()));
        let mut store = self.store();
        let now = self.now();
        let place = |store, name: &str| Place {
            store,
            kind,
            key: (number, route.namespace.clone(), name.to_owned()),
            now,
        };
        match (method, &route.name) {
            (&Method::POST, None) => {
                let mut object = body()?;
                let generated = text(&object["metadata"]["generateName"]);
                if object["metadata"]["name"].is_null() && !generated.is_empty() {
                    object["metadata"]["name"] = json!(format!("{generated}{:05}", store.version()));
                }
                let name = text(&object["metadata"]["name"]);
                if kind.namespaced {
                    self.admit(&store, route, &name)?;
                }
                place(&mut *store, &name).create(object)
            }
            (&Method::PUT, Some(name)) => {
                place(&mut *store, name).update(Change { wanted: body()?, status: route.status, whole: true })
            }
            (&Method::PATCH, Some(name)) => {
                let key = (number, route.namespace.clone(), name.clone());
                let found = store.get(&key).ok_or_else(|| Refusal::not_found(kind, name))?;
                let mut wanted = Value::clone(&found);
                let patch = body()?;
                match content {
                    "application/json-patch+json" => {
                        patch::json(&mut wanted, &patch).map_err(|why| Refusal::patch(&why))?;
                    }
                    "application/merge-patch+json" => patch::merge(&mut wanted, &patch),
                    other => return Err(Refusal::bad(&format!("{other} is not served here"))),
                }
                place(&mut *store, name).update(Change { wanted, status: route.status, whole: false })
            }
            (&Method::DELETE, Some(name)) => {
                let options = body().unwrap_or_default();
                let outcome = place(&mut *store, name).delete(&options)?;
                drop(store);
                if kind.plural == "namespaces" {
                    self.end_namespace(name);
                } else {
                    self.collect((number, route.namespace.clone(), name.clone()));
                }
                Ok(outcome)
            }
            _ => Err(Refusal::bad("the server does not allow this method on the requested resource")),
        }
    }

    fn read(&self, route: &Route<'_>) -> Outcome {
        let (number, kind) = route.kind;
        let store = self.store();
        if let Some(name) = &route.name {
            let key = (number, route.namespace.clone(), name.clone());
            let found = store.get(&key).ok_or_else(|| Refusal::not_found(kind, name))?;
            return Ok((StatusCode::OK, found));
        }
        let found = store.list(number, &route.namespace);
        let items =
            found.iter().filter(|((_, _, name), _)| route.selected().is_none_or(|wanted| wanted == name));
        let items: Vec<&Value> = items.map(|(_, object)| &**object).collect();
        let list = json!({
            "kind": format!("{}List", kind.kind),
            "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": store.version().to_string()},
            "items": items,
        });
        Ok((StatusCode::OK, Arc::new(list)))
    }

    fn watch(&self, route: &Route<'_>) -> Response<Body> {
        let number = |key: &str| route.parameter(key).and_then(|value| value.parse::<u64>().ok());
        let asked = watch::Asked {
            kind: route.kind.0,
            namespace: route.namespace.clone(),
            name: route.selected().map(str::to_owned),
            after: number("resourceVersion").unwrap_or_default(),
            time: Duration::from_secs(number("timeoutSeconds").unwrap_or(300)),
            bookmarks: route.parameter("allowWatchBookmarks") == Some("true"),
        };
        let lines = watch::stream(self.clone(), asked).map_ok(http_body::Frame::data);
        json_answer(StatusCode::OK, StreamBody::new(lines).boxed_unsync())
    }

    fn now(&self) -> String {
        let (begin, since) = self.0.started;
        let now = begin.saturating_add(since.elapsed()).unwrap_or(begin);
        now.round(Unit::Second).unwrap_or(now).to_string()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn watch_lag(&self) -> Duration {
        *self.0.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kind(&self, number: usize) -> &Kind {
        &self.0.kinds[number]
    }
}

fn watches(route: &Route<'_>) -> bool {
    matches!(route.parameter("watch"), Some("true" | "1"))
}

fn json_answer(status: StatusCode, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn whole(status: StatusCode, object: &Value) -> Response<Body> {
    let bytes = serde_json::to_vec(object).unwrap_or_default();
    json_answer(status, Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync())
}

fn refused(refusal: &Refusal) -> Response<Body> {
    whole(refusal.status, &refusal.body())
}
