//! The operator's finalizer, and other clients: `kubectl replace` or Argo CD's `Replace=true` write an object anew, without
//! the finalizer and the ledger that the file in Git does not have. Both are put back at once. An object that is gone
//! before that, or whose finalizer was taken off by hand, leaves a product that nothing in the cluster names: that is told.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use tracing::{info, warn};

use super::cached::CachedProduct;
use super::context::Context;
use super::visit::Visit;
use crate::api::{
    AccountKind, CREATION_ANNOTATION, DeletionPolicy, IotProduct, ManagementPolicy, PRODUCT_FINALIZER, Reason,
};
use crate::plan::ledger::Ledger;
use crate::record::{RecordError, ledger};

/// A product lost the finalizer. Its ledger is remembered as it was, so that both can be put back.
pub fn lost(before: &CachedProduct, ctx: &Context) {
    let uid = before.uid().unwrap_or_default();
    if !ctx.finalizers.lose(&uid) {
        return;
    }
    let annotation = before.open().annotations().get(CREATION_ANNOTATION).cloned();
    let written = annotation.and_then(|text| Ledger::parse(&text, &uid));
    ctx.memory.with(&uid, |entry| {
        if entry.ledger.is_none() {
            entry.ledger = written.map(Box::new);
        }
    });
}

/// Delete 1: a missing finalizer is put back before anything else, with the ledger if that is missing as well. Only an
/// object for which something was or may have been done had one.
pub async fn restore(visit: &mut Visit<'_>) -> Result<(), RecordError> {
    if visit.deleting() || visit.object.is_held() {
        return Ok(());
    }
    let ledger = visit.ledger();
    if visit.recorded().is_none() && !ledger.as_ref().is_some_and(Ledger::is_unclear) {
        return Ok(());
    }
    let annotated = visit.object.annotations().contains_key(CREATION_ANNOTATION);
    let (api, object) = (visit.api(), &visit.object);
    let restored = match ledger.filter(|_| !annotated) {
        Some(ledger) => {
            visit.ctx.memory.with(&visit.uid, |entry| entry.ledger = Some(Box::new(ledger.clone())));
            Some(ledger::write(&api, object, &ledger).await?)
        }
        None => ledger::set_finalizer(&api, object, PRODUCT_FINALIZER, true).await?,
    };
    if let Some(object) = restored {
        visit.object = object;
        info!("another client removed the operator's finalizer, for example by kubectl replace; it is back");
    }
    visit.ctx.finalizers.restored(&visit.uid);
    Ok(())
}

/// A product left the store. One that this process did not let go may have left its product at the vendor.
pub fn vanished(gone: &CachedProduct, ctx: &Arc<Context>) {
    let uid = gone.uid().unwrap_or_default();
    // One that cannot be read any more is still there.
    if !ctx.finalizers.gone(&uid, gone.held) || ctx.unreadable.lives(&uid) {
        return;
    }
    if let Some(remains) = remains(gone, ctx) {
        tell(gone, &remains, ctx);
    }
}

/// What an object may leave at the vendor, if nobody wanted it to stay there.
fn remains(gone: &CachedProduct, ctx: &Context) -> Option<String> {
    let object = gone.open();
    let stays = object.spec.deletion_policy == DeletionPolicy::Retain
        || object.spec.management_policy == ManagementPolicy::ObserveOnly;
    if stays || gone.watches() || gone.says(Reason::NameConflict) {
        return None;
    }
    if let Some(id) = gone.product_id() {
        return Some(format!("product {id}"));
    }
    attempted(&object, ctx).map(|name| format!("a product named {name}, whose creation was under way,"))
}

/// The name that an attempt sent whose outcome is not known.
fn attempted(object: &IotProduct, ctx: &Context) -> Option<String> {
    let uid = object.uid().unwrap_or_default();
    let remembered = ctx.memory.with(&uid, |entry| entry.ledger.as_deref().cloned());
    let written = object.annotations().get(CREATION_ANNOTATION).and_then(|text| Ledger::parse(text, &uid));
    remembered.or(written).filter(Ledger::is_unclear).map(|ledger| ledger.name)
}

/// Tells it on the account, which is still there, in the log and as a metric. Of many at once most are in the log alone.
fn tell(gone: &CachedProduct, remains: &str, ctx: &Arc<Context>) {
    let (namespace, name) = (gone.namespace().unwrap_or_default(), gone.name_any());
    let note = format!(
        "IotProduct {namespace}/{name} is gone and its finalizer was removed by another client, so {remains} may remain at \
         the vendor, and Secret {} in the cluster. To manage it again, apply the IotProduct under the same name; to remove \
         it, delete that one afterwards",
        gone.open().secret_name()
    );
    let account = gone.account_id();
    warn!(%namespace, name, product = gone.product_id(), %account, "{note}");
    ctx.metrics.orphaned(gone.vendor.as_str());
    let Ok(place) = Arc::clone(&ctx.said_at_once).try_acquire_owned() else { return };
    let ctx = Arc::clone(ctx);
    tokio::spawn(async move {
        let stores = || ctx.scopes.iter().filter(|scope| scope.covers(account.namespace.as_deref()));
        match (account.kind, &account.namespace) {
            (AccountKind::IotAccount, Some(namespace)) => {
                let named = ObjectRef::new(&account.name).within(namespace);
                if let Some(object) = stores().find_map(|scope| scope.accounts.get(&named)) {
                    ctx.events.warning(&*object, "Orphaned", "Watch", &note).await;
                }
            }
            (AccountKind::IotAccount, None) | (AccountKind::ClusterIotAccount, _) => {
                let named = ObjectRef::new(&account.name);
                let found = stores().find_map(|scope| scope.cluster_accounts.as_ref()?.get(&named));
                if let Some(object) = found {
                    ctx.events.warning(&*object, "Orphaned", "Watch", &note).await;
                }
            }
        }
        drop(place);
    });
}
