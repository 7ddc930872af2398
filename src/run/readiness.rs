//! What has to work before the process says that it is ready.

use crate::cli::RunArgs;
use crate::server::{Component, Health};

/// The watches, which are the components of readiness.
pub(super) const PRODUCTS: &str = "IotProduct";
pub(super) const ACCOUNTS: &str = "IotAccount";
pub(super) const CLUSTER_ACCOUNTS: &str = "ClusterIotAccount";

/// Every component: of each watched namespace, or of the whole cluster.
pub(super) fn components(args: &RunArgs) -> Vec<Component> {
    if args.watch_namespaces.is_empty() {
        return [PRODUCTS, ACCOUNTS, CLUSTER_ACCOUNTS].map(Component::from).into();
    }
    let of = |namespace: &String| [PRODUCTS, ACCOUNTS].map(|kind| Component::new(kind, Some(namespace)));
    args.watch_namespaces.iter().flat_map(of).collect()
}

/// All of them work, or none.
pub(super) fn set_all(health: &Health, args: &RunArgs, ready: bool) {
    for component in components(args) {
        health.set_ready(component, ready);
    }
}
