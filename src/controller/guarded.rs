//! Objects that cannot be read. One of them must not hide the others of its kind: a list and a watch are read object by
//! object, and what is not readable is counted, said on the object, and otherwise left alone.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// An object of a list or watch.
#[derive(Clone, Debug)]
pub enum Guarded<K> {
    /// It was read.
    Read(K),
    /// It cannot be read.
    Unreadable(Box<Unreadable<K>>),
}

/// An object that cannot be read.
#[derive(Clone, Debug)]
pub struct Unreadable<K> {
    /// Name, namespace, UID and version.
    metadata: ObjectMeta,
    /// What the reader says.
    pub error: String,
    kind: std::marker::PhantomData<K>,
}

/// What every object has, whatever else is wrong with it: texts that the API server writes.
#[derive(Deserialize)]
struct Named {
    metadata: Texts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Texts {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let error = match serde_json::from_str(text.get()) {
            Ok(object) => return Ok(Self::Read(object)),
            Err(error) => error,
        };
        let Named { metadata } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let metadata = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        };
        let kind = std::marker::PhantomData;
        Ok(Self::Unreadable(Box::new(Unreadable { metadata, error: error.to_string(), kind })))
    }
}

/// Either is an object of the kind.
macro_rules! resource {
    ($name:ident, $self:ident, $meta:expr, $meta_mut:expr) => {
        impl<K: Resource> Resource for $name<K> {
            type DynamicType = K::DynamicType;
            type Scope = K::Scope;

            fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
                K::kind(dt)
            }

            fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
                K::group(dt)
            }

            fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
                K::version(dt)
            }

            fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
                K::plural(dt)
            }

            fn meta(&$self) -> &ObjectMeta {
                $meta
            }

            fn meta_mut(&mut $self) -> &mut ObjectMeta {
                $meta_mut
            }
        }
    };
}

resource!(Unreadable, self, &self.metadata, &mut self.metadata);
resource!(
    Guarded,
    self,
    match self {
        Self::Read(object) => object.meta(),
        Self::Unreadable(unreadable) => &unreadable.metadata,
    },
    match self {
        Self::Read(object) => object.meta_mut(),
        Self::Unreadable(unreadable) => &mut unreadable.metadata,
    }
);

/// The unreadable objects of all kinds that are known now, by kind, namespace and name; the value is the UID.
#[derive(Clone, Debug, Default)]
pub struct UnreadableObjects(Arc<Mutex<HashMap<Key, String>>>);

type Key = (&'static str, Option<String>, Option<String>);

impl UnreadableObjects {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an object. Whether it is a new one.
    fn note(&self, kind: &'static str, meta: &ObjectMeta) -> bool {
        let uid = meta.uid.clone().unwrap_or_default();
        self.lock().insert(key(kind, meta), uid.clone()) != Some(uid)
    }

    fn forget(&self, kind: &'static str, meta: &ObjectMeta) {
        self.lock().remove(&key(kind, meta));
    }

    fn keep_only(&self, kind: &'static str, is_listed: impl Fn(&Key) -> bool) {
        self.lock().retain(|key, _| key.0 != kind || is_listed(key));
    }

    /// Whether an object of that UID, or of one that begins so, is among them: it exists, though nobody can read it.
    pub fn lives(&self, uid_head: &str) -> bool {
        self.lock().values().any(|uid| uid.starts_with(uid_head))
    }

    /// Whether an object of that kind is among them.
    pub fn contains(&self, kind: &'static str, namespace: Option<&str>, name: &str) -> bool {
        self.lock().contains_key(&(kind, namespace.map(str::to_owned), Some(name.to_owned())))
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: &'static str) -> usize {
        self.lock().keys().filter(|key| key.0 == kind).count()
    }
}

fn key(kind: &'static str, meta: &ObjectMeta) -> Key {
    (kind, meta.namespace.clone(), meta.name.clone())
}

/// Takes the unreadable objects out of one watch's events. One that was readable before leaves the store as a deleted one
/// does: what is not known any more is not acted upon.
pub struct Guard<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    kind: &'static str,
    namespace: Option<String>,
    known: UnreadableObjects,
    store: Store<K>,
    listed: Vec<Key>,
}

impl<K> Guard<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// Of one kind in one scope, whose readable objects are in `store`.
    pub fn new(
        kind: &'static str,
        namespace: Option<String>,
        known: UnreadableObjects,
        store: Store<K>,
    ) -> Self {
        Self { kind, namespace, known, store, listed: Vec::new() }
    }

    /// The event as readable objects see it, if they do, and an unreadable object that was not known before.
    pub fn pass(&mut self, event: Event<Guarded<K>>) -> (Option<Event<K>>, Option<Box<Unreadable<K>>>) {
        let known = self.known.clone();
        match event {
            Event::Init => {
                self.listed.clear();
                (Some(Event::Init), None)
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let in_scope = |key: &Key| self.namespace.is_none() || key.1 == self.namespace;
                known.keep_only(self.kind, |key| !in_scope(key) || listed.contains(key));
                (Some(Event::InitDone), None)
            }
            Event::InitApply(Guarded::Read(object)) => (Some(Event::InitApply(object)), None),
            Event::InitApply(Guarded::Unreadable(object)) => {
                self.listed.push(key(self.kind, &object.metadata));
                let new = known.note(self.kind, &object.metadata);
                (None, new.then_some(object))
            }
            Event::Apply(Guarded::Read(object)) => {
                known.forget(self.kind, object.meta());
                (Some(Event::Apply(object)), None)
            }
            Event::Apply(Guarded::Unreadable(object)) => {
                let new = known.note(self.kind, &object.metadata);
                (self.stored(&object.metadata).map(Event::Delete), new.then_some(object))
            }
            Event::Delete(object) => {
                known.forget(self.kind, object.meta());
                let gone = match object {
                    Guarded::Read(object) => Some(object),
                    Guarded::Unreadable(object) => self.stored(&object.metadata),
                };
                (gone.map(Event::Delete), None)
            }
        }
    }

    fn stored(&self, meta: &ObjectMeta) -> Option<K> {
        let mut object_ref = ObjectRef::new(meta.name.as_deref().unwrap_or_default());
        object_ref.namespace.clone_from(&meta.namespace);
        self.store.get(&object_ref).map(|object| K::clone(&object))
    }
}

#[cfg(test)]
mod tests {
    use kube::core::WatchEvent;
    use kube::runtime::reflector::store;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::IotAccount;

    fn account(name: &str, vendor: &str) -> Value {
        json!({"apiVersion": "iot-products.io/v1alpha1", "kind": "IotAccount",
            "metadata": {"name": name, "namespace": "factory", "uid": format!("uid-{name}")},
            "spec": {"vendor": vendor, "credentials": {"secretRef": {"name": "key"}}}})
    }

    fn read(name: &str, vendor: &str) -> Guarded<IotAccount> {
        serde_json::from_str(&account(name, vendor).to_string()).unwrap()
    }

    #[test]
    fn one_unreadable_object_of_a_list_or_watch_hides_no_other() {
        let items = json!([account("a", "TencentCloud"), account("b", "NoSuchVendor")]);
        let list: Vec<Guarded<IotAccount>> = serde_json::from_str(&items.to_string()).unwrap();
        assert!(matches!(&list[..], [Guarded::Read(_), Guarded::Unreadable(_)]), "{list:?}");
        assert_eq!(list[1].meta().name.as_deref(), Some("b"));
        // As the API server writes it: the type first.
        let line = format!(r#"{{"type":"ADDED","object":{}}}"#, account("b", "NoSuchVendor"));
        let event: WatchEvent<Guarded<IotAccount>> = serde_json::from_str(&line).unwrap();
        assert!(matches!(event, WatchEvent::Added(Guarded::Unreadable(_))));
    }

    #[test]
    fn what_becomes_unreadable_leaves_the_store_and_comes_back() {
        let (store, mut writer) = store();
        let known = UnreadableObjects::default();
        let mut guard = Guard::new("IotAccount", None, known.clone(), store.clone());
        let mut pass = |event| {
            let (event, new) = guard.pass(event);
            if let Some(event) = &event {
                writer.apply_watcher_event(event);
            }
            (event, new.is_some())
        };
        pass(Event::Apply(read("a", "TencentCloud")));
        assert_eq!(store.len(), 1);
        let (event, new) = pass(Event::Apply(read("a", "NoSuchVendor")));
        assert!(matches!(event, Some(Event::Delete(_))) && new);
        assert_eq!((store.len(), known.count("IotAccount"), known.lives("uid-a")), (0, 1, true));
        assert!(known.contains("IotAccount", Some("factory"), "a"));
        let (event, new) = pass(Event::Apply(read("a", "NoSuchVendor")));
        assert!(event.is_none() && !new, "told once");
        pass(Event::Apply(read("a", "TencentCloud")));
        assert_eq!((store.len(), known.count("IotAccount")), (1, 0));
    }

    #[test]
    fn a_list_without_it_ends_what_was_known_of_an_unreadable_object() {
        let (store, _writer) = store();
        let known = UnreadableObjects::default();
        let mut guard = Guard::new("IotAccount", None, known.clone(), store);
        for (vendor, left) in [("NoSuchVendor", 1), ("TencentCloud", 0)] {
            guard.pass(Event::Init);
            guard.pass(Event::InitApply(read("a", vendor)));
            guard.pass(Event::InitDone);
            assert_eq!(known.count("IotAccount"), left, "{vendor}");
        }
    }
}
