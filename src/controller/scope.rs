//! A part of the cluster with stores of its own: all of it, or one watched namespace. One that cannot be listed stops only
//! what depends on it (`plan/unseen.rs`), never the work in another.

use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch::Receiver;

use super::cached::CachedProduct;
use crate::api::{ClusterIotAccount, IotAccount};

/// Objects to look at again, by kind.
pub struct Wake {
    /// Products, by namespace controller.
    pub products: UnboundedSender<ObjectRef<CachedProduct>>,
    /// Accounts.
    pub accounts: UnboundedSender<ObjectRef<IotAccount>>,
    /// Cluster accounts.
    pub cluster_accounts: UnboundedSender<ObjectRef<ClusterIotAccount>>,
}

/// Which stores were filled once. `Store::wait_until_ready` cannot be asked: it wakes who asked last alone
/// (kube-runtime 5.0, `utils/delayed_init.rs`), and a controller that is not woken begins late.
pub struct Filled {
    /// That of the products.
    pub products: Receiver<bool>,
    /// Of the accounts.
    pub accounts: Receiver<bool>,
    /// Of the cluster accounts.
    pub cluster_accounts: Receiver<bool>,
}

/// The stores of one scope: the whole cluster, or one namespace.
pub struct Scope {
    /// Products.
    pub products: Store<CachedProduct>,
    /// Accounts.
    pub accounts: Store<IotAccount>,
    /// Cluster accounts; `None` where the operator may not see them.
    pub cluster_accounts: Option<Store<ClusterIotAccount>>,
    /// Which of them can be relied on.
    pub filled: Filled,
    /// Wakes objects of this scope.
    pub wake: Wake,
    /// The namespace; `None` for the whole cluster.
    pub namespace: Option<String>,
}

/// What of a scope was never listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen<'a> {
    /// The kind.
    pub kind: &'static str,
    /// The namespace; `None` for the whole cluster.
    pub namespace: Option<&'a str>,
}

impl Scope {
    /// Whether objects of this namespace are in it.
    pub fn covers(&self, namespace: Option<&str>) -> bool {
        self.namespace.is_none() || self.namespace.as_deref() == namespace
    }

    /// A kind of account that was never listed.
    pub fn unseen_accounts(&self) -> Option<&'static str> {
        let sees_shared = self.cluster_accounts.is_none() || *self.filled.cluster_accounts.borrow();
        match (*self.filled.accounts.borrow(), sees_shared) {
            (false, _) => Some("IotAccount"),
            (true, false) => Some("ClusterIotAccount"),
            (true, true) => None,
        }
    }

    /// What was never listed.
    pub fn unseen(&self) -> Option<Unseen<'_>> {
        let products = (!*self.filled.products.borrow()).then_some("IotProduct");
        let kind = products.or_else(|| self.unseen_accounts())?;
        Some(Unseen { kind, namespace: self.namespace.as_deref() })
    }
}
