//! Lists of an account's products, shared by everyone who needs one (protocol, "Complete look-up").
//!
//! A caller names the earliest begin that its proof allows. A finished list that began later answers at
//! once; otherwise everyone who waits joins the next list, so a thousand look-ups cost one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::{AnyCloud, Call, Cloud, VendorError};
use crate::plan::Listing;
use crate::plan::mark::{Mark, Marks, find};

/// The digits of a mark's owner as a number, since there is one for every product.
type Owner = u64;

fn owner(mark: &Mark) -> Owner {
    Owner::from_str_radix(&mark.owner, 16).unwrap_or_default()
}

#[derive(Default)]
struct Latest {
    listing: Option<Listing>,
    failed: Option<(Timestamp, Arc<VendorError>)>,
    /// Lists begun before this show what is known to be gone.
    outdated: Option<Timestamp>,
    /// Whose mark the products of the last list carry, without those that were deleted.
    marked: HashMap<Box<str>, Owner>,
    /// How many of them are whose.
    owners: HashMap<Owner, usize>,
    /// Products that were deleted and may still be shown by a list that began before.
    deleted: HashSet<String>,
}

impl Latest {
    fn take(&mut self, listing: &Listing) {
        let mut lingering = HashSet::new();
        (self.marked, self.owners) = Default::default();
        for product in &*listing.products {
            if self.deleted.contains(&product.id) {
                lingering.insert(product.id.clone());
            } else if let Marks::One(mark) = find(&product.description) {
                let owner = owner(&mark);
                self.marked.insert(product.id.as_str().into(), owner);
                *self.owners.entry(owner).or_default() += 1;
            }
        }
        self.deleted = lingering;
        self.listing = Some(listing.clone());
        self.failed = None;
    }

    fn outdate(&mut self, id: &str) {
        self.outdated = Some(crate::clock::now());
        if !self.deleted.insert(id.to_owned()) {
            return;
        }
        if let Some(owner) = self.marked.remove(id)
            && let Some(count) = self.owners.get_mut(&owner)
        {
            *count = count.saturating_sub(1);
        }
    }

    fn shows_owner(&self, mark: &Mark) -> bool {
        self.owners.get(&owner(mark)).is_some_and(|count| *count > 0)
    }
}

/// The lists of one connection.
#[derive(Default)]
pub struct Inventory {
    latest: Mutex<Latest>,
    turn: tokio::sync::Mutex<()>,
}

impl Inventory {
    /// A complete list begun at or after `begun_after`.
    ///
    /// # Errors
    /// The failure of the list that was to answer; those who waited for the same list get the same failure.
    pub async fn list(
        &self,
        cloud: &AnyCloud,
        begun_after: Timestamp,
        call: Call,
    ) -> Result<Listing, Arc<VendorError>> {
        if let Some(answer) = self.answered(begun_after) {
            return answer;
        }
        let _turn = self.turn.lock().await;
        if let Some(answer) = self.answered(begun_after) {
            return answer;
        }
        let begun = crate::clock::now();
        let answer = cloud.list(call).await;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(products) => {
                let listing = Listing { begun, products: products.into() };
                latest.take(&listing);
                Ok(listing)
            }
            Err(error) => {
                let error = Arc::new(error);
                latest.failed = Some((begun, Arc::clone(&error)));
                Err(error)
            }
        }
    }

    fn answered(&self, begun_after: Timestamp) -> Option<Result<Listing, Arc<VendorError>>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let begun_after = latest.outdated.map_or(begun_after, |outdated| outdated.max(begun_after));
        if let Some(listing) = latest.listing.as_ref().filter(|listing| listing.begun >= begun_after) {
            return Some(Ok(listing.clone()));
        }
        let (begun, error) = latest.failed.as_ref()?;
        (*begun >= begun_after).then(|| Err(Arc::clone(error)))
    }

    /// A product was deleted: whoever looks from now on needs a list that begins now.
    pub fn outdate(&self, id: &str) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).outdate(id);
    }

    /// Whether the last list, however old, shows a product with the mark of this owner, namespace and name
    /// that was not deleted since.
    pub fn shows_owner(&self, mark: &Mark) -> bool {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).shows_owner(mark)
    }

    /// Lets a list go that began before a moment: no look-up takes it any more, and it is as large as all products.
    pub fn forget(&self, before: Timestamp) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.listing = latest.listing.take().filter(|listing| listing.begun >= before);
    }

    /// The last complete list, if it was not forgotten.
    pub fn latest(&self) -> Option<Listing> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).listing.clone()
    }
}

#[cfg(test)]
mod tests;
