//! A product as the store keeps it: what is asked of all products at once, and the object itself packed. Thousands of
//! them are at rest, and of each no more than a visit's beginning needs the whole.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroI64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{Resource, ResourceExt};
use serde::{Deserialize, Deserializer};

use super::accounts::AccountId;
use super::packed::Packed;
use crate::api::condition::{READY, RECONCILING, STALLED};
use crate::api::metadata::ORDERS;
use crate::api::{
    ACCOUNT_FINALIZER, AccountKind, CREATION_ANNOTATION, ClusterIotAccount, IotAccount, IotAccountStatus,
    IotProduct, Origin, PRODUCT_FINALIZER, REQUESTED_AT_ANNOTATION, ROTATE_PASSWORD_ANNOTATION, Reason,
    Vendor,
};
use crate::record::condition::{Truth, get};
use crate::slots::{Claimant, Urgency};

/// Bit of what is remembered of a list's entry, beside its hash: whether there is one.
const KNOWN: u64 = 1;

/// An object that a store keeps.
pub trait Cached: Resource<DynamicType = ()> {
    /// Changes when something changes that asks for a visit: the manifest, its deletion, our annotations. Our own
    /// writes of status and ledger do not.
    fn asks(&self) -> u64 {
        asks(self.meta())
    }

    /// Nothing is known that would have to be done for it soon.
    fn rests(&self) -> bool {
        false
    }

    /// Our finalizer was on the object as it was before, and is not any more: another client wrote the object without it
    /// (`kubectl replace`), or we let it go.
    fn lost_hold(&self, _before: &Self) -> bool
    where
        Self: Sized,
    {
        false
    }

    /// On whose account its visit takes a slot.
    fn claimant(&self) -> Claimant;
}

/// A visit of an account waits for that account alone. One whose manifest was not applied yet, a new one among them, comes
/// before those that only time asks for.
fn visit_of_account(meta: &ObjectMeta, status: Option<&IotAccountStatus>) -> Claimant {
    let applied = status.map(|status| status.observed_generation) == meta.generation;
    let urgent = !applied || meta.deletion_timestamp.is_some();
    Claimant {
        namespace: meta.namespace.clone().unwrap_or_default(),
        account: String::new(),
        urgency: if urgent { Urgency::Edit } else { Urgency::Rest },
    }
}

impl Cached for IotAccount {
    fn claimant(&self) -> Claimant {
        visit_of_account(&self.metadata, self.status.as_ref())
    }
}

impl Cached for ClusterIotAccount {
    fn claimant(&self) -> Claimant {
        visit_of_account(&self.metadata, self.status.as_ref())
    }
}

fn asks(meta: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    (meta.generation, meta.deletion_timestamp.is_some()).hash(&mut hasher);
    let annotation = |name: &str| meta.annotations.as_ref().and_then(|all| all.get(name));
    // Taken off by hand it is put back before anything is done. That we put it on first asks for nothing.
    let mut finalizers = meta.finalizers.iter().flatten();
    let held = finalizers.any(|f| f == PRODUCT_FINALIZER || f == ACCOUNT_FINALIZER);
    (!held && annotation(CREATION_ANNOTATION).is_some()).hash(&mut hasher);
    for name in ORDERS {
        annotation(name).hash(&mut hasher);
    }
    hasher.finish()
}

/// What most products do not have.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rare {
    /// `spec.productId`.
    imported: Option<Box<str>>,
    /// Serial of the recorded product.
    serial: Option<Box<str>>,
}

/// A product in the store. Its size decides what a product at rest takes, so nothing in it is larger than it must be.
#[derive(Resource, Clone, Debug)]
#[resource(inherit = "IotProduct")]
pub struct CachedProduct {
    /// What names the object, its version and its times; the rest is packed.
    metadata: ObjectMeta,
    /// `spec.vendor`.
    pub vendor: Vendor,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Our finalizer is on it.
    pub held: bool,
    /// `spec.name`.
    pub name: Box<str>,
    /// Whether condition Ready is True, False or Unknown, and its reason if it is one of ours.
    pub ready: Option<(Truth, Option<Reason>)>,
    /// When a condition changed first, in seconds since the Unix epoch.
    settled: Option<NonZeroI64>,
    /// `spec.resyncInterval`.
    pub resync: Option<Duration>,
    product_id: Option<Box<str>>,
    rare: Option<Box<Rare>>,
    /// `status.creationAttempt`.
    attempt: Option<u32>,
    /// `status.origin`.
    origin: Option<Origin>,
    account_kind: AccountKind,
    account: Box<str>,
    asks: u64,
    rests: bool,
    fine: Arc<AtomicU64>,
    packed: Packed,
}

impl CachedProduct {
    /// Packs an object.
    pub fn of(mut object: IotProduct) -> Self {
        let asks = asks(&object.metadata);
        let held = object.is_held();
        let rests = held && rests(&object);
        let product_id = object.product_id().map(Into::into);
        let meta = &mut object.metadata;
        let metadata = ObjectMeta {
            name: meta.name.take(),
            namespace: meta.namespace.take(),
            uid: meta.uid.take(),
            resource_version: meta.resource_version.take(),
            creation_timestamp: meta.creation_timestamp.take(),
            deletion_timestamp: meta.deletion_timestamp.take(),
            ..ObjectMeta::default()
        };
        let under_way = held && is_being_created(&object);
        let status = object.status.as_ref();
        let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
        let boxed = |text: &String| text.as_str().into();
        let rare = Rare {
            imported: object.spec.product_id.as_ref().map(boxed),
            serial: status.and_then(|status| status.product_serial.as_ref()).map(boxed),
        };
        let settled = conditions.iter().map(|condition| condition.last_transition_time.0).min();
        Self {
            vendor: object.spec.vendor,
            suspended: object.spec.suspend,
            held,
            name: object.spec.name.as_str().into(),
            ready: get(conditions, READY)
                .map(|ready| (Truth::parse(&ready.status), Reason::parse(&ready.reason))),
            settled: settled.and_then(|at| NonZeroI64::new(at.as_second())),
            resync: object.spec.resync_interval(),
            product_id,
            rare: (rare != Rare::default()).then(|| rare.into()),
            attempt: status
                .and_then(|status| status.creation_attempt)
                .and_then(|attempt| attempt.try_into().ok()),
            origin: status.and_then(|status| status.origin),
            account_kind: object.spec.account_ref.kind,
            account: object.spec.account_ref.name.as_str().into(),
            asks,
            rests,
            fine: Arc::default(),
            packed: if under_way { Packed::Whole(Box::new(object)) } else { Packed::of(&object) },
            metadata,
        }
    }

    /// The whole object.
    pub fn open(&self) -> IotProduct {
        let mut object = self.packed.open();
        let kept = self.metadata.clone();
        let meta = &mut object.metadata;
        (meta.name, meta.namespace, meta.uid) = (kept.name, kept.namespace, kept.uid);
        meta.resource_version = kept.resource_version;
        meta.creation_timestamp = kept.creation_timestamp;
        meta.deletion_timestamp = kept.deletion_timestamp;
        object
    }

    /// The recorded product.
    pub fn product_id(&self) -> Option<&str> {
        self.product_id.as_deref()
    }

    /// The attempt that made the recorded product.
    pub fn recorded_attempt(&self) -> Option<u32> {
        self.attempt.filter(|_| self.product_id.is_some())
    }

    /// The recorded product is only watched.
    pub fn watches(&self) -> bool {
        self.origin == Some(Origin::Watched)
    }

    /// The account that it names.
    pub fn account_id(&self) -> AccountId {
        let namespace = match self.account_kind {
            AccountKind::IotAccount => self.metadata.namespace.clone(),
            AccountKind::ClusterIotAccount => None,
        };
        AccountId { kind: self.account_kind, namespace, name: self.account.to_string() }
    }

    /// `spec.productId`.
    pub fn imported(&self) -> Option<&str> {
        self.rare.as_ref()?.imported.as_deref()
    }

    /// Huawei: serial of the recorded product.
    pub fn serial(&self) -> Option<&str> {
        self.rare.as_ref()?.serial.as_deref()
    }

    /// A condition changed before a moment.
    pub fn is_settled_before(&self, moment: Timestamp) -> bool {
        self.settled.is_some_and(|at| at.get() < moment.as_second())
    }

    /// A deletion was asked for.
    pub fn deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it names this account.
    pub fn is_of(&self, id: &AccountId) -> bool {
        let placed = match self.account_kind {
            AccountKind::IotAccount => id.namespace == self.metadata.namespace,
            AccountKind::ClusterIotAccount => id.namespace.is_none(),
        };
        self.account_kind == id.kind && *self.account == *id.name && placed
    }

    /// Whether Ready has this reason.
    pub fn says(&self, reason: Reason) -> bool {
        self.ready.is_some_and(|(_, shown)| shown == Some(reason))
    }

    /// Whether a list showed the product by the same entry before, as this object wants it.
    pub fn is_fine(&self, entry: u64) -> bool {
        self.fine.load(Ordering::Relaxed) == entry | KNOWN
    }

    /// A list shows the product as this object wants it. Any change of the object forgets this.
    pub fn found_fine(&self, entry: u64) {
        self.fine.store(entry | KNOWN, Ordering::Relaxed);
    }
}

impl Cached for CachedProduct {
    fn asks(&self) -> u64 {
        self.asks
    }

    fn rests(&self) -> bool {
        self.rests
    }

    fn lost_hold(&self, before: &Self) -> bool {
        before.held && !self.held && before.metadata.uid == self.metadata.uid
    }

    fn claimant(&self) -> Claimant {
        let urgency = if self.rests {
            Urgency::Rest
        } else if self.product_id.is_some() || self.deleting() {
            Urgency::Edit
        } else {
            Urgency::Create
        };
        let account = self.account_id().to_string();
        Claimant { namespace: self.metadata.namespace.clone().unwrap_or_default(), account, urgency }
    }
}

/// It is being created: its ledger is written, and no condition yet. Few are at a time, each for less than a second, and
/// the next write is seen at once; one whose creation lasts has conditions.
fn is_being_created(object: &IotProduct) -> bool {
    let conditions = object.status.as_ref().is_some_and(|status| !status.conditions.is_empty());
    !conditions && object.annotations().contains_key(CREATION_ANNOTATION)
}

/// Status says that nothing is to be done, and no annotation or time in it asks for something.
fn rests(object: &IotProduct) -> bool {
    let Some(status) = &object.status else { return false };
    let conditions = &status.conditions;
    let asked = |name: &str, done: &Option<String>| {
        object.annotations().get(name).is_some_and(|asked| Some(asked) != done.as_ref())
    };
    object.metadata.deletion_timestamp.is_none()
        && object.metadata.generation == Some(status.observed_generation)
        && get(conditions, READY).is_some_and(|ready| ready.status == "True")
        && [RECONCILING, STALLED].iter().all(|kind| get(conditions, kind).is_none())
        && status.password_due_at.is_none()
        && !asked(REQUESTED_AT_ANNOTATION, &status.last_handled_reconcile_at)
        && !asked(ROTATE_PASSWORD_ANNOTATION, &status.last_handled_rotation)
}

impl<'de> Deserialize<'de> for CachedProduct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IotProduct::deserialize(deserializer).map(Self::of)
    }
}

/// An object's resource version. Those of one object grow; a server that writes them otherwise has none here.
pub fn revision<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_ref()?.parse().ok()
}

/// When an object was created, for who is older.
pub fn created<K: Resource>(object: &K) -> Option<Timestamp> {
    object.meta().creation_timestamp.as_ref().map(|Time(time)| *time)
}

/// A product whose work is done, as kubectl made it and the operator left it.
#[cfg(test)]
pub(crate) fn at_rest(name: &str) -> IotProduct {
    let text = include_str!("../../tests/manifests/product-at-rest.json");
    let mut object: IotProduct = serde_json::from_str(text).expect("a product");
    object.metadata.name = Some(name.to_owned());
    object
}

#[cfg(test)]
mod tests;
