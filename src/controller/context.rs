//! What every visit shares.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::api::core::Secret;
use kube::api::Api;
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource, ResourceExt};
use tokio::sync::Semaphore;

use super::accounts::{AccountId, Accounts};
use super::cached::CachedProduct;
use super::claims::Claims;
use super::finalizers::Finalizers;
use super::guarded::UnreadableObjects;
use super::memory::Memory;
use super::scope::{Scope, Unseen};
use super::turns::Turns;
use super::unwritable::Unwritable;
use crate::api::{AccountKind, IotProduct};
use crate::metrics::Metrics;
use crate::plan::mark::Mark;
use crate::record::events::Events;
use crate::slots::Slots;
use crate::vendor::connection::Surroundings;
use crate::vendor::place::place;

/// What the flags decide about visits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Owner id in every mark.
    pub owner_id: String,
    /// The shortest interval of an account or a product that is heeded.
    pub min_resync_interval: Duration,
    /// How often an output Secret is verified.
    pub secret_check_interval: Duration,
    /// Bound of one vendor operation.
    pub vendor_timeout: Duration,
    /// Bound of one visit; longer than a vendor operation, so that status is still written after a hang.
    pub reconcile_timeout: Duration,
}

/// What every visit shares.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The flags' decisions.
    pub settings: Settings,
    /// What this process remembers.
    pub memory: Memory,
    /// Who let go of which object.
    pub finalizers: Finalizers,
    /// Objects whose status the cluster does not take.
    pub unwritable: Unwritable,
    /// Claims on existing products.
    pub claims: Claims,
    /// Whose turn it is to create a name.
    pub turns: Arc<Turns>,
    /// The accounts' states.
    pub accounts: Accounts,
    /// What the accounts' own visits remember.
    pub account_memories: super::account_memory::Memories,
    /// What connections have in common.
    pub surroundings: Surroundings,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Metrics,
    /// The stores.
    pub scopes: Vec<Scope>,
    /// What is in no store because it cannot be read.
    pub unreadable: UnreadableObjects,
    /// Who of the products is visited next.
    pub product_slots: Slots,
    /// Who of the accounts is.
    pub account_slots: Slots,
    /// Places for telling so on the objects.
    pub said_at_once: Arc<Semaphore>,
}

impl Context {
    /// The products of one namespace.
    pub fn products(&self, namespace: &str) -> Api<IotProduct> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The Secrets of one namespace, by name only.
    pub fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The mark of an object.
    pub fn mark(&self, product: &impl ResourceExt) -> Mark {
        Mark::of(
            &self.settings.owner_id,
            product.namespace().as_deref().unwrap_or_default(),
            &product.name_any(),
            product.uid().as_deref().unwrap_or_default(),
        )
    }

    /// Whether a product object other than `but` has this UID, or a UID that begins so.
    pub fn lives(&self, uid_head: &str, but: &str) -> bool {
        if uid_head.is_empty() {
            return false;
        }
        self.unreadable.lives(uid_head)
            || self.scopes.iter().any(|scope| {
                scope
                    .products
                    .find(|product| {
                        let uid = product.meta().uid.as_deref();
                        uid.is_some_and(|uid| uid.starts_with(uid_head) && uid != but)
                    })
                    .is_some()
            })
    }

    /// The products of an account.
    pub fn products_of(&self, account: &AccountId) -> Vec<Arc<CachedProduct>> {
        self.products_that(|product| product.is_of(account))
    }

    /// The products of every account that are as described.
    pub fn products_that(&self, is: impl Fn(&CachedProduct) -> bool) -> Vec<Arc<CachedProduct>> {
        self.scopes.iter().flat_map(|scope| scope.products.state_filter(&is)).collect()
    }

    /// The objects that record one of these products of the account's place, whichever account of the place they name.
    pub fn recorded_among(&self, account: &AccountId, ids: &HashSet<String>) -> Vec<Arc<CachedProduct>> {
        if ids.is_empty() {
            return Vec::new();
        }
        let place = self.place_of(account);
        let mut named: HashMap<AccountId, bool> = HashMap::new();
        let mut recorded =
            self.products_that(|product| product.product_id().is_some_and(|id| ids.contains(id)));
        recorded.retain(|product| {
            let other = product.account_id();
            *named.entry(other).or_insert_with_key(|other| self.place_of(other) == place)
        });
        recorded
    }

    /// Waits until the store of the products that can name an account was filled once; `false` when it never will be.
    /// Before, the account looks as if nobody used it.
    pub async fn products_known(&self, account: &AccountId) -> bool {
        let Some(scope) = self.scope(account.namespace.as_deref()) else { return false };
        let mut filled = scope.filled.products.clone();
        filled.wait_for(|filled| *filled).await.is_ok()
    }

    /// Whether the store that would hold an account was filled once. Before, the account looks as if it did not exist.
    pub fn knows_account(&self, account: &AccountId) -> bool {
        self.scope(account.namespace.as_deref()).is_some_and(|scope| match account.kind {
            AccountKind::IotAccount => *scope.filled.accounts.borrow(),
            AccountKind::ClusterIotAccount => *scope.filled.cluster_accounts.borrow(),
        })
    }

    /// A kind of account of which nobody knows yet whether one names a Secret of this namespace.
    pub fn unseen_accounts(&self, namespace: &str) -> Option<&'static str> {
        self.scope(Some(namespace)).and_then(Scope::unseen_accounts)
    }

    /// A part of the cluster that was never listed, though the operator is to watch it. What is there may record any
    /// product of the place where it is.
    pub fn unseen(&self) -> Option<Unseen<'_>> {
        self.scopes.iter().find_map(Scope::unseen)
    }

    /// Whether the account's object is in a store.
    pub fn account_exists(&self, account: &AccountId) -> bool {
        self.scopes.iter().any(|scope| match &account.namespace {
            Some(namespace) => scope.accounts.get(&ObjectRef::new(&account.name).within(namespace)).is_some(),
            None => scope
                .cluster_accounts
                .as_ref()
                .is_some_and(|store| store.get(&ObjectRef::new(&account.name)).is_some()),
        })
    }

    /// Where the products of an account are; `None` for an account that is not in a store.
    pub fn place_of(&self, account: &AccountId) -> Option<String> {
        self.scopes.iter().find_map(|scope| {
            let named = ObjectRef::new(&account.name);
            if let Some(namespace) = &account.namespace {
                return Some(place(&scope.accounts.get(&named.within(namespace))?.spec.settings));
            }
            let stored = scope.cluster_accounts.as_ref()?.get(&ObjectRef::new(&account.name))?;
            Some(place(&stored.spec.settings))
        })
    }

    /// Whether `ClusterIotAccount`s can be seen.
    pub fn sees_cluster_accounts(&self) -> bool {
        self.scopes.iter().any(|scope| scope.cluster_accounts.is_some())
    }

    /// Has a product looked at again.
    pub fn wake_product(&self, product: &CachedProduct) {
        let namespace = product.namespace();
        if let Some(scope) = self.scope(namespace.as_deref()) {
            // The receiver is gone only when the process is ending.
            let _ = scope.wake.products.send(ObjectRef::from_obj(product));
        }
    }

    /// Has an account looked at again.
    pub fn wake_account(&self, account: &AccountId) {
        let Some(scope) = self.scope(account.namespace.as_deref()) else { return };
        // As above.
        let _ = match &account.namespace {
            Some(namespace) => {
                scope.wake.accounts.send(ObjectRef::new(&account.name).within(namespace)).map_err(drop)
            }
            None => scope.wake.cluster_accounts.send(ObjectRef::new(&account.name)).map_err(drop),
        };
    }

    fn scope(&self, namespace: Option<&str>) -> Option<&Scope> {
        self.scopes.iter().find(|scope| scope.covers(namespace))
    }
}
