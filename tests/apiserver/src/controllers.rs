//! What controllers of Kubernetes do. The end of a namespace: nothing new is taken, then everything in it is
//! deleted, then it goes itself. Foreground deletion and orphaning: nothing here has dependents, so the
//! garbage collector takes its finalizer off again.

use std::time::Duration;

use serde_json::Value;

use crate::refusal::Refusal;
use crate::route::Route;
use crate::store::{Key, Store};
use crate::verb::{Change, Place};
use crate::{ApiServer, Kind};

/// Kubernetes waits so long before it begins to delete what is inside, and between two looks.
const PATIENCE: Duration = Duration::from_secs(5);
/// The garbage collector's finalizers, and how fast it is.
pub(crate) const COLLECTED: [&str; 2] = ["foregroundDeletion", "orphan"];
const COLLECTS_AFTER: Duration = Duration::from_millis(50);

impl ApiServer {
    fn namespaces(&self) -> usize {
        self.0.kinds.iter().position(|kind| kind.plural == "namespaces").unwrap_or_default()
    }

    fn namespace_key(&self, name: &str) -> Key {
        (self.namespaces(), String::new(), name.to_owned())
    }

    /// Whether something may be created in the namespace of a request.
    pub(crate) fn admit(&self, store: &Store, route: &Route<'_>, name: &str) -> Result<(), Refusal> {
        let key = self.namespace_key(&route.namespace);
        let Some(namespace) = store.get(&key) else {
            return Err(Refusal::not_found(self.kind(key.0), &route.namespace));
        };
        if namespace.pointer("/metadata/deletionTimestamp").is_some() {
            return Err(Refusal::terminating(route.kind.1, name, &route.namespace));
        }
        Ok(())
    }

    /// Lets the garbage collector see an object that was deleted.
    pub(crate) fn collect(&self, key: Key) {
        let waits = |object: &Value| {
            let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
            finalizers.is_some_and(|list| {
                list.iter().any(|finalizer| COLLECTED.contains(&finalizer.as_str().unwrap_or_default()))
            })
        };
        if !self.store().get(&key).is_some_and(|object| waits(&object)) {
            return;
        }
        let server = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(COLLECTS_AFTER).await;
            let mut store = server.store();
            let Some(mut wanted) = store.get(&key).map(|object| Value::clone(&object)) else { return };
            if let Some(list) = wanted["metadata"]["finalizers"].as_array_mut() {
                list.retain(|finalizer| !COLLECTED.contains(&finalizer.as_str().unwrap_or_default()));
            }
            let (kind, now) = (server.kind(key.0), server.now());
            let place = Place { store: &mut store, kind, key, now };
            // It cannot be refused: nothing came between.
            let _ = place.update(Change { wanted, status: false, whole: true });
            drop(store);
            server.0.changed.send_replace(());
        });
    }

    /// Works on the end of a namespace until it is gone.
    pub(crate) fn end_namespace(&self, name: &str) {
        let (server, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PATIENCE).await;
                if server.empty(&name) {
                    return;
                }
            }
        });
    }

    /// Asks for the deletion of everything inside; true once there was nothing left and the namespace is gone.
    fn empty(&self, name: &str) -> bool {
        let mut store = self.store();
        let now = self.now();
        let inside = store.within(name);
        for key in &inside {
            let kind: &Kind = self.kind(key.0);
            let place = Place { store: &mut store, kind, key: key.clone(), now: now.clone() };
            // It may be held, or gone with what was deleted before it.
            let _ = place.delete(&Value::Null);
        }
        if inside.is_empty() {
            store.remove(&self.namespace_key(name));
        }
        drop(store);
        self.0.changed.send_replace(());
        inside.is_empty()
    }
}
