//! The objects and every change of them, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

/// What a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A new object.
    Added,
    /// It differs.
    Modified,
    /// It is gone.
    Deleted,
}

impl What {
    /// As a watch names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// Number of the kind, namespace, name.
pub(crate) type Key = (usize, String, String);

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Resource version that it made.
    pub(crate) version: u64,
    /// When.
    pub(crate) at: Instant,
    /// Of which object.
    pub(crate) key: Key,
    /// What it was.
    pub(crate) what: What,
    /// The object after it; before it, of one that is gone.
    pub(crate) object: Arc<Value>,
}

/// All objects.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    /// All changes since the last forgetting.
    pub(crate) log: Vec<Change>,
    /// Objects that are stored without what is filled in whenever they are read.
    pub(crate) incomplete: BTreeSet<Key>,
    /// The changes up to this version are forgotten.
    pub(crate) forgotten: u64,
    version: u64,
    made: u64,
}

impl Store {
    /// An object.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    /// The objects of a kind, of one namespace or of all.
    pub(crate) fn list(&self, kind: usize, namespace: &str) -> Vec<(Key, Arc<Value>)> {
        let first = (kind, namespace.to_owned(), String::new());
        self.objects
            .range((Bound::Included(first), Bound::Unbounded))
            .take_while(|(key, _)| key.0 == kind && (namespace.is_empty() || key.1 == namespace))
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect()
    }

    /// The objects in a namespace, of every kind.
    pub(crate) fn within(&self, namespace: &str) -> Vec<Key> {
        self.objects.keys().filter(|key| key.1 == namespace).cloned().collect()
    }

    /// The last version given out.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A UID that was never used, the same in every run.
    pub(crate) fn uid(&mut self) -> String {
        self.made += 1;
        let mut z = self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z ^= z >> 27;
        format!("{:08x}-{:04x}-4000-8000-{:012x}", z >> 32, z & 0xffff, self.made)
    }

    /// Puts an object there, under a fresh version.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.incomplete.remove(&key);
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        let what = if before.is_some() { What::Modified } else { What::Added };
        self.changed(key, what, object.clone());
        object
    }

    /// Takes an object away; what watchers see has the version of its going.
    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(object) = self.objects.remove(key) {
            self.version += 1;
            let mut object = Value::clone(&object);
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.changed(key.clone(), What::Deleted, Arc::new(object));
        }
    }

    /// Forgets all changes, so that watches have to begin anew.
    pub(crate) fn forget(&mut self) {
        self.log.clear();
        self.forgotten = self.version;
    }

    fn changed(&mut self, key: Key, what: What, object: Arc<Value>) {
        self.log.push(Change { version: self.version, at: Instant::now(), key, what, object });
    }
}
