//! Drift by list: one paged list per account and interval refreshes all its products (design, "Drift").
//! Objects at rest are not asked about one by one; only what differs, or cannot be told from a list, is
//! looked at.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

use super::accounts::AccountId;
use super::cached::CachedProduct;
use super::context::Context;
use super::observe::is_another;
use super::requeue::{self, turn_fell, until_turn};
use crate::api::{AccountView, IotProduct, Reason};
use crate::plan::Listing;
use crate::plan::desired::{Desired, desired};
use crate::plan::diff::diff;
use crate::plan::loss::Sight;
use crate::plan::mark::{Mark, Marks, find};
use crate::record::observed::origin;
use crate::vendor::connection::Connection;
use crate::vendor::{Observed, Traits};

/// What a list told about an account.
pub struct Swept {
    /// Products in the list that no object of this account records.
    pub others: HashSet<String>,
    /// What the list shows of the recorded products.
    pub sight: Sight,
    /// Objects whose products it does not show, and that are to be looked at.
    pub missing: Vec<Arc<CachedProduct>>,
}

/// The span of time that a sweep answers for, since the Unix epoch.
pub struct Span {
    /// There was no sweep before, so it answers for all.
    pub first: bool,
    /// End of the last sweep's.
    pub from: Duration,
    /// Now.
    pub to: Duration,
}

/// Compares every product of the account with the list and wakes those that need a look.
pub fn sweep(
    ctx: &Context,
    view: &AccountView<'_>,
    connection: &Connection,
    listing: &Listing,
    span: &Span,
) -> Swept {
    let id = AccountId::from_view(view);
    let listed: HashMap<&str, &Observed> = listing.products.iter().map(|p| (p.id.as_str(), p)).collect();
    let objects: Vec<_> = ctx.products_of(&id).into_iter().filter(|o| o.product_id().is_some()).collect();
    let (present, missing): (Vec<_>, Vec<_>) =
        objects.iter().partition(|o| o.product_id().is_some_and(|id| listed.contains_key(id)));
    let marks = ids_by_mark(&listing.products);
    for object in &present {
        if has_surplus(ctx, object, &marks) {
            ctx.memory.with(&object.uid().unwrap_or_default(), |entry| entry.surplus = true);
            hint(ctx, object);
        }
        let Some(product) = object.product_id().and_then(|id| listed.get(id)) else { continue };
        connection.saw(&product.id);
        shown(ctx, object, listing.begun);
        if object.says(Reason::ProductMissing)
            || compares(ctx, object, view, span) && wants_look(ctx, object, product, connection.traits())
        {
            hint(ctx, object);
        }
    }
    // What was recorded after the list began is not missing from it.
    let old = |object: &CachedProduct| object.is_settled_before(listing.begun);
    let count = |objects: &[&Arc<CachedProduct>], is: &dyn Fn(&CachedProduct) -> bool| {
        objects.iter().filter(|object| is(object)).count()
    };
    let shown = count(&present, &is_owned);
    let lost = count(&missing, &|object| would_recreate(object) && old(object));
    let sight = Sight {
        owned: shown + count(&missing, &is_owned),
        shown,
        kept: lost + count(&present, &would_recreate),
        missing: lost,
        young: count(&missing, &|object| would_recreate(object) && !old(object)),
    };
    // What is told already is looked at in its own time.
    let looks = |object: &&Arc<CachedProduct>| {
        old(object) && compares(ctx, object, view, span) && !object.says(Reason::ProductMissing)
    };
    let missing = missing.into_iter().filter(looks).cloned().collect();
    let taken: HashSet<&str> = listing.products.iter().map(|p| p.name.as_str()).collect();
    let waits =
        |object: &&Arc<CachedProduct>| object.product_id().is_none() && object.says(Reason::NameConflict);
    for object in ctx.products_of(&id).iter().filter(waits) {
        if !taken.contains(&*object.name) {
            ctx.wake_product(object);
        }
    }
    let recorded: HashSet<&str> = present.iter().filter_map(|object| object.product_id()).collect();
    let kept: HashSet<&str> = objects.iter().filter_map(|object| object.product_id()).collect();
    connection.forget_seen(|id| kept.contains(id));
    let others = listed.into_keys().filter(|id| !recorded.contains(id)).map(str::to_owned).collect();
    Swept { others, sight, missing }
}

/// The products that carry one mark each, by it.
fn ids_by_mark(products: &[Observed]) -> HashMap<String, Vec<&str>> {
    let mut marks: HashMap<String, Vec<&str>> = HashMap::new();
    for product in products {
        if let Marks::One(mark) = find(&product.description) {
            marks.entry(mark.to_string()).or_default().push(&product.id);
        }
    }
    marks
}

/// A create that was delivered late or twice left a second product, where the vendor does not refuse taken
/// names (protocol, "What is promised"): it carries the object's own mark and is not the recorded one.
fn has_surplus(ctx: &Context, object: &CachedProduct, marks: &HashMap<String, Vec<&str>>) -> bool {
    let ours = marks.get(&ctx.mark(object).to_string());
    ours.is_some_and(|ids| ids.iter().any(|id| object.product_id() != Some(id)))
}

/// Whether it is this product's turn. Lists come as often as the most impatient product wants them; one with
/// an interval of its own is compared once in it, one that is never to be compared is not.
fn compares(ctx: &Context, object: &CachedProduct, view: &AccountView<'_>, span: &Span) -> bool {
    let uid = object.uid().unwrap_or_default();
    match own_interval(ctx, view, object) {
        None => span.first || !account_interval(ctx, view).is_zero(),
        Some(own) => !own.is_zero() && (span.first || turn_fell(&uid, own, span.from, span.to)),
    }
}

/// How often the account is listed by the clock.
fn account_interval(ctx: &Context, view: &AccountView<'_>) -> Duration {
    requeue::interval(view.settings.resync_interval(), ctx.settings.min_resync_interval, None)
}

/// How often a product is compared that has an interval of its own.
fn own_interval(ctx: &Context, view: &AccountView<'_>, object: &CachedProduct) -> Option<Duration> {
    let shared = view.namespace.is_none().then(|| account_interval(ctx, view));
    object.resync.map(|own| requeue::interval(own, ctx.settings.min_resync_interval, shared))
}

/// How long until the next list is wanted by the account or one of its products; `None` is never. The turns
/// of a product are its own, those of the others the account's.
pub fn until_list(
    ctx: &Context,
    view: &AccountView<'_>,
    uid: &str,
    since_epoch: Duration,
) -> Option<Duration> {
    let own = ctx.products_of(&AccountId::from_view(view)).into_iter().filter_map(|object| {
        let interval = own_interval(ctx, view, &object)?;
        until_turn(&object.uid().unwrap_or_default(), interval, since_epoch)
    });
    own.chain(until_turn(uid, account_interval(ctx, view), since_epoch)).min()
}

/// A list that shows a product takes back what an older one hinted at.
fn shown(ctx: &Context, object: &CachedProduct, begun: Timestamp) {
    ctx.memory.with(&object.uid().unwrap_or_default(), |entry| entry.lookups.shown(begun));
}

/// Has a product read in full.
pub fn hint(ctx: &Context, object: &CachedProduct) {
    ctx.memory.with(&object.uid().unwrap_or_default(), |entry| entry.hint = true);
    ctx.wake_product(object);
}

/// Whether an object made its product or took it over. What is only watched may have been another's to delete.
fn is_owned(object: &CachedProduct) -> bool {
    !object.watches()
}

/// Whether a product that is gone from the vendor would be created anew. What is being deleted is missing because it was
/// deleted, and its object may stay for as long as somebody's finalizer holds it; of what is suspended nothing is asked, and
/// what was imported is told to be missing.
/// If these counted, one user of a shared account could stop all others.
fn would_recreate(object: &CachedProduct) -> bool {
    is_owned(object) && object.imported().is_none() && !object.deleting() && !object.suspended
}

/// Whether a product that the list shows must be looked at by itself.
fn wants_look(ctx: &Context, cached: &CachedProduct, product: &Observed, traits: &Traits) -> bool {
    // Its own visit is under way or due anyway.
    if cached.suspended || cached.deleting() {
        return false;
    }
    let entry = product.digest();
    if cached.is_fine(entry) {
        return false;
    }
    let object = cached.open();
    let Some(wish) = wish(&object, traits) else { return false };
    if differs(&object, &wish, product, &ctx.mark(&object), traits) {
        return true;
    }
    cached.found_fine(entry);
    false
}

/// Whether the list shows something else than the manifest wants and status knows.
fn differs(object: &IotProduct, wish: &Desired, product: &Observed, mark: &Mark, traits: &Traits) -> bool {
    let status = object.status.clone().unwrap_or_default();
    let marked = match find(&product.description) {
        Marks::One(found) => {
            found.same_owner(mark) || status.adopted_mark.as_deref() == Some(found.to_string().as_str())
        }
        Marks::None => true,
        Marks::Many => false,
    };
    let found = diff(wish, product, mark, origin(&status), traits);
    let known = |field: &str, have: &str| status.drift.iter().any(|d| d.field == field && d.have == have);
    let shown =
        |field: &str| field == crate::plan::diff::OWNERSHIP || traits.rule(field).is_some_and(|r| r.listed);
    let new = found.iter().any(|entry| !known(entry.field, &entry.have.shown()));
    let over =
        status.drift.iter().any(|d| shown(&d.field) && !found.iter().any(|entry| entry.field == d.field));
    !marked || is_another(&status, product) || new || over
}

/// What a manifest asks for, if it can be applied.
pub fn wish(object: &IotProduct, traits: &Traits) -> Option<Desired> {
    let spec = serde_json::to_value(&object.spec).ok()?;
    desired(&spec, object.spec.vendor.as_str(), traits).ok()
}

#[cfg(test)]
mod tests {
    use super::would_recreate;
    use crate::api::{IotProduct, Origin};
    use crate::controller::cached::{CachedProduct, at_rest};

    #[test]
    fn what_was_deleted_or_only_watched_did_not_vanish() {
        let counts = |change: fn(&mut IotProduct)| {
            let mut object = at_rest("a");
            change(&mut object);
            would_recreate(&CachedProduct::of(object))
        };
        assert!(counts(|_| {}));
        assert!(counts(|object| object.status.as_mut().unwrap().origin = Some(Origin::Adopted)));
        assert!(!counts(|object| object.status.as_mut().unwrap().origin = Some(Origin::Watched)));
        assert!(!counts(|object| object.spec.suspend = true));
        // The operator has let it go, and a finalizer of its owner keeps it.
        assert!(!counts(|object| {
            object.metadata.deletion_timestamp = object.metadata.creation_timestamp.clone();
            object.metadata.finalizers = Some(vec!["example.com/stays".to_owned()]);
        }));
    }
}
