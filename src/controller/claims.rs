//! Whose an existing product is, of several `IotProduct`s that name it (protocol, "Adopt"): the one that records
//! it keeps it, and of two that record it the older. Over all accounts, because two may be of one vendor account.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::{Resource as _, ResourceExt};

use super::cached::{CachedProduct, created};
use super::context::Context;
use crate::api::{IotProduct, Vendor};
use crate::plan::Wait;

/// Claims that this process made, by vendor and vendor-side id: the store shows an id only some time after it
/// was recorded. The value is the UID of the object.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<(Vendor, String), String>>);

impl Claims {
    /// Claims a product for an object, unless `holds` says of the one that claimed it before that it still does.
    fn claim(&self, vendor: Vendor, id: &str, uid: &str, holds: impl FnOnce(&str) -> bool) -> bool {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = (vendor, id.to_owned());
        if claims.get(&claim).is_some_and(|other| other != uid && holds(other)) {
            return false;
        }
        claims.insert(claim, uid.to_owned());
        true
    }

    /// Forgets the claims of objects that the store shows to record the product by now.
    fn settle(&self, product: &CachedProduct) {
        let Some(id) = product.product_id() else { return };
        let claim = (product.vendor, id.to_owned());
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if claims.get(&claim).map(String::as_str) == product.meta().uid.as_deref() {
            claims.remove(&claim);
        }
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

/// Claims a product for an object. Otherwise who has it: another object that records it, or is about to.
pub fn claim(ctx: &Context, object: &IotProduct, id: &str, serial: Option<&str>) -> Result<(), String> {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let another = |other: &CachedProduct| other.meta().uid.as_deref() != Some(uid);
    if let Some(holder) = find(ctx, |other| another(other) && records(other, object, id, serial)) {
        return Err(holder);
    }
    let mut holder = String::new();
    let holds = |other: &str| {
        // It may have recorded another product since, or be gone.
        let undecided = |product: &CachedProduct| {
            product.meta().uid.as_deref() == Some(other)
                && product.product_id().is_none()
                && !product.deleting()
        };
        holder = find(ctx, undecided).unwrap_or_default();
        !holder.is_empty()
    };
    if ctx.claims.claim(object.spec.vendor, id, uid, holds) { Ok(()) } else { Err(holder) }
}

/// A wait for what another object has, with the name of that one.
pub fn named(ctx: &Context, mut wait: Wait) -> Wait {
    let holds = |product: &CachedProduct| {
        let head = wait.holder.as_deref().unwrap_or_default();
        !head.is_empty() && product.meta().uid.as_deref().is_some_and(|uid| uid.starts_with(head))
    };
    if let Some(holder) = find(ctx, holds) {
        wait.message = format!("{}; the other one is {holder}", wait.message);
    }
    wait
}

/// An older object that records the product that this one records.
pub fn rival(ctx: &Context, object: &IotProduct) -> Option<String> {
    let id = object.product_id()?;
    let serial = object.status.as_ref().and_then(|status| status.product_serial.as_deref());
    let own = (created(object), object.uid());
    find(ctx, |other| records(other, object, id, serial) && (created(other), other.uid()) < own)
}

/// An object is gone: what it had may be others' now, who wait for it.
pub fn freed(gone: &CachedProduct, ctx: &Context) {
    let uid = gone.uid().unwrap_or_default();
    ctx.claims.release(&uid);
    let id = gone.product_id();
    let waits = |other: &CachedProduct| {
        let names = other.name == gone.name
            || id.is_some_and(|id| [other.product_id(), other.imported()].contains(&Some(id)));
        other.conflicted() && names && other.vendor == gone.vendor
    };
    for product in ctx.products_that(waits) {
        ctx.wake_product(&product);
    }
}

/// Ids are unique at a vendor, but for those that are numbers of one place: these have a serial.
fn records(other: &CachedProduct, object: &IotProduct, id: &str, serial: Option<&str>) -> bool {
    other.product_id() == Some(id)
        && other.vendor == object.spec.vendor
        && (serial.is_none() || other.serial().is_none() || serial == other.serial())
}

fn find(ctx: &Context, is: impl Fn(&CachedProduct) -> bool) -> Option<String> {
    ctx.scopes.iter().find_map(|scope| {
        let found = scope.products.find(|product| is(product))?;
        Some(format!("{}/{}", found.namespace().unwrap_or_default(), found.name_any()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_claims_is_refused_until_it_is_given_up() {
        let claims = Claims::default();
        let claim = |uid: &str| claims.claim(Vendor::TencentCloud, "P1", uid, |_| true);
        assert!(claim("first") && !claim("second") && claim("first"));
        assert!(claims.claim(Vendor::TencentCloud, "P2", "second", |_| true), "another product");
        assert!(claims.claim(Vendor::AlibabaCloud, "P1", "second", |_| true), "another vendor");
        claims.release("first");
        assert!(claim("second"));
    }

    #[test]
    fn a_claim_of_an_object_that_gave_it_up_does_not_count() {
        let claims = Claims::default();
        assert!(claims.claim(Vendor::TencentCloud, "P1", "first", |_| true));
        assert!(claims.claim(Vendor::TencentCloud, "P1", "second", |_| false));
    }
}
