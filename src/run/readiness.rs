//! What has to work before the process says that it is ready.

use crate::cli::RunArgs;
use crate::lease::Leadership;
use crate::server::{Component, Health};

/// The watches, which are the components of readiness.
pub(super) const PRODUCTS: &str = "IotProduct";
pub(super) const ACCOUNTS: &str = "IotAccount";
pub(super) const CLUSTER_ACCOUNTS: &str = "ClusterIotAccount";
/// A replica that stands by has to be able to take the Lease.
const LEASE: &str = "Lease";

/// Every component.
pub(super) fn components(args: &RunArgs) -> Vec<Component> {
    let lease = args.lease.leader_elect.then_some(Component::from(LEASE));
    watches(args).into_iter().chain(lease).collect()
}

/// Says whether the Lease can be taken, as long as there is an election.
pub(super) async fn follow_lease(health: Health, leadership: Leadership) {
    let mut hindrance = leadership.hindrance();
    loop {
        let now = *hindrance.borrow_and_update();
        match now {
            None => health.set_ready(LEASE, true),
            Some(what) => health.set_trouble(LEASE, what),
        }
        if hindrance.changed().await.is_err() {
            return;
        }
    }
}

/// The watches of each watched namespace, or of the whole cluster.
fn watches(args: &RunArgs) -> Vec<Component> {
    if args.watch_namespaces.is_empty() {
        return [PRODUCTS, ACCOUNTS, CLUSTER_ACCOUNTS].map(Component::from).into();
    }
    let of = |namespace: &String| [PRODUCTS, ACCOUNTS].map(|kind| Component::new(kind, Some(namespace)));
    args.watch_namespaces.iter().flat_map(of).collect()
}

/// All watches work, or none.
pub(super) fn set_all(health: &Health, args: &RunArgs, ready: bool) {
    for component in watches(args) {
        health.set_ready(component, ready);
    }
}
