//! Whose an existing product is, of several `IotProduct`s that name it (protocol, "Adopt"): the one that records it as
//! its own keeps it, and of two the older. A claim counts within one place only, because an id means a product of one
//! place; and who only watches claims nothing.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::{Resource as _, ResourceExt};

use super::accounts::AccountId;
use super::cached::{CachedProduct, created};
use super::context::Context;
use super::error::ConnectError;
use crate::api::{IotProduct, Origin, Reason};
use crate::plan::Wait;
use crate::vendor::Observed;

/// Claims that this process made, by place and vendor-side id: the store shows an id only some time after it was
/// recorded. The value is the UID of the object.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<(String, String), String>>);

impl Claims {
    /// Claims a product for an object, unless `holds` says of the one that claimed it before that it still does.
    fn claim(&self, place: String, id: &str, uid: &str, holds: impl FnOnce(&str) -> bool) -> bool {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = (place, id.to_owned());
        if claims.get(&claim).is_some_and(|other| other != uid && holds(other)) {
            return false;
        }
        claims.insert(claim, uid.to_owned());
        true
    }

    /// Forgets the claims of objects that the store shows to record the product by now.
    fn settle(&self, product: &CachedProduct) {
        let (Some(recorded), Some(uid)) = (product.product_id(), product.meta().uid.as_deref()) else {
            return;
        };
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|(_, id), claimed| claimed != uid || id != recorded);
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Gives an object's claims up.
    pub fn release(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, claimed| claimed != uid);
    }
}

/// Forgets claims that the store shows carried out.
pub fn settle(ctx: &Context) {
    if !ctx.claims.is_empty() {
        for product in ctx.products_that(|_| true) {
            ctx.claims.settle(&product);
        }
    }
}

/// Fails while a part of the cluster was never listed, where an object may record any product.
pub fn everybody_is_known(ctx: &Context) -> Result<(), ConnectError> {
    let Some(unseen) = ctx.unseen() else { return Ok(()) };
    tracing::debug!(kind = unseen.kind, watched = unseen.namespace, "who has the product is not known");
    Err(ConnectError::Unseen)
}

/// Claims a product for an object. Otherwise who has it: another object that records it, or is about to. Who only watches
/// claims nothing, and does not see what is another's.
pub fn claim(ctx: &Context, object: &IotProduct, product: &Observed, watches: bool) -> Result<(), String> {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let (id, serial) = (product.id.as_str(), product.serial.as_deref());
    let Some(place) = ctx.place_of(&AccountId::of(object)) else { return Ok(()) };
    let another = |other: &CachedProduct| other.meta().uid.as_deref() != Some(uid);
    let recorded = |other: &CachedProduct| another(other) && records(ctx, other, &place, id, serial);
    if let Some(holder) = find(ctx, object, recorded) {
        return Err(holder);
    }
    if watches {
        return Ok(());
    }
    let mut holder = String::new();
    let holds = |other: &str| {
        // It may have recorded another product since, or be gone.
        let undecided = |product: &CachedProduct| {
            product.meta().uid.as_deref() == Some(other)
                && product.product_id().is_none()
                && !product.deleting()
        };
        holder = find(ctx, object, undecided).unwrap_or_default();
        !holder.is_empty()
    };
    if ctx.claims.claim(place.clone(), id, uid, holds) { Ok(()) } else { Err(holder) }
}

/// A wait for what another object has, with the name of that one if the object's namespace may know it.
pub fn named(ctx: &Context, object: &IotProduct, mut wait: Wait) -> Wait {
    let holds = |product: &CachedProduct| {
        let head = wait.holder.as_deref().unwrap_or_default();
        !head.is_empty() && product.meta().uid.as_deref().is_some_and(|uid| uid.starts_with(head))
    };
    if let Some(holder) = find(ctx, object, holds) {
        wait.message = format!("{}; the other one is {holder}", wait.message);
    }
    wait
}

/// An older object that records the product that this one records, or any that does where this one only watches.
pub fn rival(ctx: &Context, object: &IotProduct) -> Option<String> {
    let id = object.product_id()?;
    let serial = object.status.as_ref().and_then(|status| status.product_serial.as_deref());
    let place = ctx.place_of(&AccountId::of(object))?;
    let own = (created(object), object.uid());
    let watches = object.status.as_ref().is_some_and(|status| status.origin == Some(Origin::Watched));
    let before = |other: &CachedProduct| match (created(other), other.uid()).cmp(&own) {
        Ordering::Less => true,
        Ordering::Equal => false,
        // A product that was only watched became another's.
        Ordering::Greater => watches,
    };
    find(ctx, object, |other| before(other) && records(ctx, other, &place, id, serial))
}

/// An object is gone: what it had may be others' now, who wait for it.
pub fn freed(gone: &CachedProduct, ctx: &Context) {
    let uid = gone.uid().unwrap_or_default();
    ctx.claims.release(&uid);
    let id = gone.product_id();
    // Where an account is never listed nothing else takes it out.
    if let (Some(id), Some(state)) = (id, ctx.accounts.get(&gone.account_id()))
        && let Some(connection) = &state.connection
    {
        connection.forget(id);
    }
    let waits = |other: &CachedProduct| {
        let names = other.name == gone.name
            || id.is_some_and(|id| [other.product_id(), other.imported()].contains(&Some(id)));
        other.says(Reason::NameConflict) && names && other.vendor == gone.vendor
    };
    for product in ctx.products_that(waits) {
        ctx.wake_product(&product);
    }
}

/// Whether an object records this product of this place as its own. Ids that are numbers of one place may be given twice:
/// there both serials have to be known and the same.
fn records(ctx: &Context, other: &CachedProduct, place: &str, id: &str, serial: Option<&str>) -> bool {
    other.product_id() == Some(id)
        && !other.watches()
        && serial == other.serial()
        && ctx.place_of(&other.account_id()).as_deref() == Some(place)
}

/// An object as another namespace's users may know it: its name tells them whose product it is, so that is for the
/// operator's log alone.
fn find(ctx: &Context, viewer: &IotProduct, is: impl Fn(&CachedProduct) -> bool) -> Option<String> {
    let found = ctx.scopes.iter().find_map(|scope| scope.products.find(|product| is(product)))?;
    if found.meta().namespace == viewer.metadata.namespace {
        return Some(format!("IotProduct {}", found.name_any()));
    }
    tracing::info!(
        namespace = viewer.namespace(),
        name = viewer.name_any(),
        holder_namespace = found.namespace(),
        holder = found.name_any(),
        "an object of another namespace has the product"
    );
    Some("an IotProduct of another namespace".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_claims_is_refused_until_it_is_given_up() {
        let claims = Claims::default();
        let claim = |uid: &str| claims.claim("here".into(), "P1", uid, |_| true);
        assert!(claim("first") && !claim("second") && claim("first"));
        assert!(claims.claim("here".into(), "P2", "second", |_| true), "another product");
        assert!(claims.claim("there".into(), "P1", "second", |_| true), "another place");
        claims.release("first");
        assert!(claim("second"));
    }

    #[test]
    fn a_claim_of_an_object_that_gave_it_up_does_not_count() {
        let claims = Claims::default();
        assert!(claims.claim("here".into(), "P1", "first", |_| true));
        assert!(claims.claim("here".into(), "P1", "second", |_| false));
    }
}
