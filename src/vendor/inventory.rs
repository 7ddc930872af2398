//! Lists of an account's products, shared by everyone who needs one (protocol, "Complete look-up").
//!
//! A caller names the earliest begin that its proof allows. A finished list that began later answers at
//! once; otherwise everyone who waits joins the next list, so a thousand look-ups cost one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::bounds::weight;
use super::{AnyCloud, Call, Cloud, VendorError};
use crate::http::memory::{Kept, Memory};
use crate::plan::Listing;
use crate::plan::mark::{Mark, Marks, find};

/// So many deleted products are remembered at most until the next list.
const LINGERING: usize = 10_000;

/// The digits of a mark's owner as a number, since there is one for every product.
type Owner = u64;

fn owner(mark: &Mark) -> Owner {
    Owner::from_str_radix(&mark.owner, 16).unwrap_or_default()
}

#[derive(Default)]
struct Latest {
    listing: Option<Listing>,
    /// The memory of `listing`.
    kept: Option<Kept>,
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
        if self.deleted.len() >= LINGERING {
            // No list came to tell which of them are shown: those that are would be looked for once in vain.
            self.deleted.clear();
        }
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
    latest: Arc<Mutex<Latest>>,
    turn: tokio::sync::Mutex<()>,
    memory: Arc<Memory>,
}

impl Inventory {
    /// No list yet. What is kept of lists is counted in `memory`.
    pub fn new(memory: Arc<Memory>) -> Self {
        Self { memory, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a list as long as there is memory for it. A list that is let go is read again by whoever needs one.
    fn keep(&self, listing: &Listing) {
        let bytes = listing.products.iter().map(weight).sum();
        // Outside of the lock: to make room other lists are let go, and one of them may be this account's last one.
        let before = self.lock().kept.take();
        drop(before);
        let latest = Arc::downgrade(&self.latest);
        let kept = self.memory.lists.keep(bytes, move || {
            let Some(latest) = latest.upgrade() else { return };
            let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
            let let_go = (latest.listing.take(), latest.kept.take());
            drop(latest);
            drop(let_go);
        });
        let mut latest = self.lock();
        latest.take(listing);
        latest.kept = Some(kept);
    }

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
        match cloud.list(call).await {
            Ok(products) => {
                let listing = Listing { begun, products: products.into() };
                self.keep(&listing);
                Ok(listing)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.lock().failed = Some((begun, Arc::clone(&error)));
                Err(error)
            }
        }
    }

    fn answered(&self, begun_after: Timestamp) -> Option<Result<Listing, Arc<VendorError>>> {
        let latest = self.lock();
        let begun_after = latest.outdated.map_or(begun_after, |outdated| outdated.max(begun_after));
        if let Some(listing) = latest.listing.as_ref().filter(|listing| listing.begun >= begun_after) {
            return Some(Ok(listing.clone()));
        }
        let (begun, error) = latest.failed.as_ref()?;
        (*begun >= begun_after).then(|| Err(Arc::clone(error)))
    }

    /// A product was deleted: whoever looks from now on needs a list that begins now.
    pub fn outdate(&self, id: &str) {
        self.lock().outdate(id);
    }

    /// Whether the last list, however old, shows a product with the mark of this owner, namespace and name
    /// that was not deleted since.
    pub fn shows_owner(&self, mark: &Mark) -> bool {
        self.lock().shows_owner(mark)
    }

    /// Lets a list go that began before a moment: no look-up takes it any more, and it is as large as all products.
    pub fn forget(&self, before: Timestamp) {
        let mut latest = self.lock();
        latest.listing = latest.listing.take().filter(|listing| listing.begun >= before);
        let let_go = if latest.listing.is_none() { latest.kept.take() } else { None };
        drop(latest);
        drop(let_go);
    }

    /// The last complete list, if it was not forgotten.
    pub fn latest(&self) -> Option<Listing> {
        self.lock().listing.clone()
    }
}

#[cfg(test)]
mod tests;
