//! What is watched: the stores, what of a change asks for a visit, and the controllers over them.

use std::convert::Infallible;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use kube::api::Api;
use kube::runtime::PredicateConfig;
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{error, info, warn};

use super::context::Context;
use crate::api::{
    ACCOUNT_FINALIZER, CONFIRM_MISSING_ANNOTATION, CREATION_ANNOTATION, FORCE_FORGET_ANNOTATION,
    PRODUCT_FINALIZER, REQUESTED_AT_ANNOTATION, ROTATE_PASSWORD_ANNOTATION,
};
use crate::metrics::Metrics;
use crate::server::Health;

/// How soon an object whose visit panicked is visited again.
const AFTER_PANIC: Duration = Duration::from_mins(1);

/// One kind in one scope: its store, and how to wake objects of it.
pub struct Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// What is read from it.
    pub store: Store<K>,
    /// Has an object visited.
    pub wake: UnboundedSender<ObjectRef<K>>,
    writer: Writer<K>,
    gone: fn(&K, &Context),
    woken: UnboundedReceiver<ObjectRef<K>>,
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// An empty store that nobody fills yet.
    pub fn new() -> Self {
        let (store, writer) = store();
        let (wake, woken) = unbounded_channel();
        Self { store, wake, writer, woken, gone: |_, _| {} }
    }

    /// Has something done after an object left the store.
    #[must_use]
    pub fn when_gone(self, gone: fn(&K, &Context)) -> Self {
        Self { gone, ..self }
    }
}

impl<K> Default for Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

/// What a running controller tells about itself.
#[derive(Clone)]
pub struct Reports {
    /// Readiness.
    pub health: Health,
    /// Metrics.
    pub metrics: Metrics,
    /// The component of readiness, which is also the kind in metrics.
    pub component: &'static str,
}

/// The annotations whose change asks for a visit. The ledger is our own and not among them.
const HEEDED: [&str; 4] = [
    REQUESTED_AT_ANNOTATION,
    FORCE_FORGET_ANNOTATION,
    ROTATE_PASSWORD_ANNOTATION,
    CONFIRM_MISSING_ANNOTATION,
];

/// What of an object asks for a visit when it changes: the manifest, its deletion, our annotations. Our own
/// writes of status and ledger do not.
#[expect(clippy::unnecessary_wraps, reason = "the form that a predicate has")]
fn asks<K: Resource>(object: &K) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    (object.meta().generation, object.meta().deletion_timestamp.is_some()).hash(&mut hasher);
    // Taken off by hand it is put back before anything is done. That we put it on first asks for nothing.
    let held = object.finalizers().iter().any(|f| f == PRODUCT_FINALIZER || f == ACCOUNT_FINALIZER);
    (!held && object.annotations().contains_key(CREATION_ANNOTATION)).hash(&mut hasher);
    for annotation in HEEDED {
        object.annotations().get(annotation).hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// Nobody here reads who wrote which field, and it is most of an object's memory.
fn prune<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    object.annotations_mut().remove("kubectl.kubernetes.io/last-applied-configuration");
}

fn report<K>(event: &Result<Event<K>, watcher::Error>, reports: &Reports) {
    match event {
        Ok(event) => {
            reports.metrics.watch_event(reports.component);
            if matches!(event, Event::InitDone) {
                info!(kind = reports.component, "watching");
                reports.health.set_ready(reports.component, true);
            }
        }
        Err(error) => {
            reports.health.set_ready(reports.component, false);
            let missing = matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404);
            if missing {
                warn!(
                    kind = reports.component,
                    "the API server does not know this kind: install the CustomResourceDefinitions (crds/); looking again"
                );
            } else {
                warn!(kind = reports.component, %error, "the watch failed and is begun anew");
            }
        }
    }
}

/// Watches, and begins with a list after every failure. A watch could be resumed where it failed; but an API server
/// whose etcd was restored to the past meanwhile answers a resourceVersion from its future with silence, and what
/// is there now would never be seen (seen with Kubernetes 1.36; `docs/operations.md`, "etcd restored from a
/// snapshot").
fn watch<K>(api: Api<K>) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let begin = move || Box::pin(watcher(api.clone(), watcher::Config::default().any_semantic()));
    futures::stream::unfold(None, move |under_way| {
        let mut events = under_way.unwrap_or_else(&begin);
        async move {
            let event = events.next().await?;
            let under_way = event.is_ok().then_some(events);
            Some((event, under_way))
        }
    })
}

/// Runs a controller until `stop` completes and the visits under way have ended.
pub async fn run<K, F>(
    api: Api<K>,
    watched: Watched<K>,
    ctx: Arc<Context>,
    reports: Reports,
    concurrency: u16,
    visit: impl FnMut(Arc<K>, Arc<Context>) -> F + Send + 'static,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    F: Future<Output = Result<Action, Infallible>> + Send + 'static,
{
    let Watched { store, wake, writer, woken, gone } = watched;
    let (seen, left) = (reports.clone(), Arc::clone(&ctx));
    let mut visit = visit;
    let visit = move |object, ctx| contained(reports.clone(), visit(object, ctx));
    let events = watch(api)
        .modify(|object| prune(object))
        .inspect(move |event| report(event, &seen))
        .default_backoff();
    let changes = reflector(writer, events)
        .inspect(move |event| {
            if let Ok(Event::Delete(object)) = event {
                gone(object, &left);
            }
        })
        .applied_objects()
        .predicate_filter(asks::<K>, PredicateConfig::default());
    let woken = futures::stream::unfold(woken, |mut woken| async {
        let object = woken.recv().await?;
        Some((object, woken))
    });
    Controller::for_stream(changes, store)
        .with_config(Config::default().concurrency(concurrency))
        .reconcile_on(woken)
        .graceful_shutdown_on(stop)
        .run(visit, |_, error: &Infallible, _| match *error {}, ctx)
        .for_each(|result| async {
            if let Err(error) = result {
                // An object that left the store between its turn and its visit, or the watch's own error,
                // which is reported above.
                tracing::debug!(%error, "a visit was not made");
            }
        })
        .await;
    // The channel stays open as long as the controller runs.
    drop(wake);
}

/// A bug that shows in one object's visit stops neither the others nor the process.
async fn contained(
    reports: Reports,
    visit: impl Future<Output = Result<Action, Infallible>>,
) -> Result<Action, Infallible> {
    // What a visit shares with others is behind locks that hold whole values at every moment.
    AssertUnwindSafe(visit).catch_unwind().await.unwrap_or_else(|_| {
        reports.metrics.panicked(reports.component);
        error!(kind = reports.component, "a visit panicked, which is a bug; it is made again in a minute");
        Ok(Action::requeue(AFTER_PANIC))
    })
}

/// How many products are in which state, for metrics.
pub async fn count_products(ctx: Arc<Context>) {
    let mut turn = tokio::time::interval(Duration::from_secs(15));
    loop {
        turn.tick().await;
        ctx.metrics.products(&super::census::products(&ctx));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_one_visit_and_is_counted() {
        let metrics = Metrics::new();
        let health = Health::new(&["IotProduct"], AFTER_PANIC);
        let reports = Reports { health, metrics: metrics.clone(), component: "IotProduct" };
        let after = contained(reports.clone(), async { panic!("a bug") }).await;
        assert_eq!(after, Ok(Action::requeue(AFTER_PANIC)));
        let fine = contained(reports, async { Ok(Action::await_change()) }).await;
        assert_eq!(fine, Ok(Action::await_change()));
        let text = metrics.encode();
        assert!(text.contains("iot_operator_panics_total{kind=\"IotProduct\"} 1"), "{text}");
    }
}
