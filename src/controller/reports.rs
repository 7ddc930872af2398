//! What a running controller tells about itself and of objects that it cannot handle.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kube::runtime::controller::Action;
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt as _};
use tracing::{error, info, warn};

use super::context::Context;
use super::error::REFUSED_WRITE;
use super::guarded::Unreadable;
use crate::metrics::Metrics;
use crate::record::RecordError;
use crate::server::{Component, Health};

/// How soon an object whose visit panicked is visited again.
const AFTER_PANIC: Duration = Duration::from_mins(1);

/// What a running controller tells about itself.
#[derive(Clone)]
pub struct Reports {
    /// Readiness.
    pub health: Health,
    /// Metrics.
    pub metrics: Metrics,
    /// The component of readiness, which is also the kind in metrics.
    pub component: &'static str,
    /// The namespace that is watched; `None` for the whole cluster.
    pub namespace: Option<String>,
}

impl Reports {
    fn part(&self) -> Component {
        Component::new(self.component, self.namespace.as_deref())
    }

    /// What to do about a watch that fails.
    fn remedy(&self, error: &watcher::Error) -> &'static str {
        let code = match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status))
            | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code,
            _ => 0,
        };
        match (code, &self.namespace) {
            (404, _) => {
                "the API server does not know this kind: install the CustomResourceDefinitions (crds/); looking again"
            }
            (403, Some(_)) => {
                "it may not be listed: create the namespace and grant the operator the Role of docs/operations.md there, or \
                 take the namespace out of --watch-namespaces; looking again"
            }
            (403, None) => {
                "it may not be listed: grant the operator the ClusterRole of docs/operations.md; looking again"
            }
            _ => "the watch failed and starts again",
        }
    }
}

/// Says on an unreadable object that the operator cannot read it. Many at once are said in the log alone: the place of
/// one that is written is another's only afterwards.
pub fn say<K>(unreadable: Box<Unreadable<K>>, ctx: &Arc<Context>, reports: &Reports)
where
    K: Resource<DynamicType = ()> + Send + Sync + 'static,
{
    let meta = unreadable.meta();
    warn!(
        kind = reports.component,
        namespace = meta.namespace,
        name = meta.name,
        error = unreadable.error,
        "an object cannot be read and is left alone"
    );
    let Ok(place) = Arc::clone(&ctx.said_at_once).try_acquire_owned() else { return };
    let ctx = Arc::clone(ctx);
    tokio::spawn(async move {
        let note = "the operator cannot read this object and leaves it alone: write it again with values that its definition allows; of metadata, a time after the year 9998 is such a value";
        ctx.events.warning(&*unreadable, "Unreadable", "Read", note).await;
        drop(place);
    });
}

/// Tells of one event of a watch.
pub fn report<K>(event: &Result<Event<K>, watcher::Error>, reports: &Reports) {
    match event {
        Ok(event) => {
            reports.metrics.watch_event(reports.component);
            if matches!(event, Event::InitDone) {
                info!(kind = reports.component, watched = reports.namespace, "watching");
                reports.health.set_ready(reports.part(), true);
                reports.metrics.watch_up(reports.component, reports.namespace.as_deref(), true);
            }
        }
        Err(error) => {
            let remedy = reports.remedy(error);
            reports.health.set_trouble(reports.part(), remedy);
            reports.metrics.watch_up(reports.component, reports.namespace.as_deref(), false);
            warn!(kind = reports.component, watched = reports.namespace, %error, "{remedy}");
        }
    }
}

/// A bug that shows in one object's visit stops neither the others nor the process.
pub async fn contained(
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

/// An object's status was refused. The first time it is told.
pub async fn status_refused<K>(ctx: &Context, kind: &'static str, object: &K, error: &RecordError)
where
    K: Resource<DynamicType = ()>,
{
    ctx.metrics.status_refused(kind);
    let uid = object.uid().unwrap_or_default();
    if !ctx.unwritable.note(uid) {
        return;
    }
    let note = format!("{error}; {REFUSED_WRITE}");
    warn!(kind, namespace = object.namespace(), name = object.name_any(), "{note}");
    ctx.events.warning(object, "StatusRefused", "WriteStatus", &note).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_one_visit_and_is_counted() {
        let metrics = Metrics::new();
        let health = Health::new(&["IotProduct"], AFTER_PANIC);
        let reports = Reports { health, metrics: metrics.clone(), component: "IotProduct", namespace: None };
        let after = contained(reports.clone(), async { panic!("a bug") }).await;
        assert_eq!(after, Ok(Action::requeue(AFTER_PANIC)));
        let fine = contained(reports, async { Ok(Action::await_change()) }).await;
        assert_eq!(fine, Ok(Action::await_change()));
        let text = metrics.encode();
        assert!(text.contains("iot_operator_panics_total{kind=\"IotProduct\"} 1"), "{text}");
    }
}
