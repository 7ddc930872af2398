//! A list that comes page by page, within the vendor's own limits.
//!
//! A vendor may answer with pages without end, with a total that no account has, or with the same page again and again. So a
//! list is at most twice as long as the vendor documents, or as long as a raised quota may make it, and one that goes beyond ends
//! at once, with a message that says why.

use std::collections::BTreeMap;

use super::bounds::weight;
use super::{Observed, VendorError};
use crate::http::memory::Reading;

/// Products that a list may have whatever the documented quota is: vendors raise quotas on request, and an account that has
/// a higher one must not be locked out. What all lists together take is bounded beside this (`src/http/memory.rs`).
const RAISED: u64 = 20_000;

/// How often a list that changed while it was read is read again.
pub(super) const REREADS: usize = 3;

/// How large a vendor's lists may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Largest page, which is what is asked for.
    pub(super) page: u64,
    /// Products that an account or instance has at most, as the vendor documents it.
    pub(super) quota: u64,
}

impl Bounds {
    /// Products of the longest list that is read.
    fn products(self) -> u64 {
        self.documented().max(RAISED)
    }

    /// Twice what is documented, so that no honest list is cut.
    fn documented(self) -> u64 {
        2 * self.quota
    }

    /// Pages of a list of so many products: those that are full, and as many that are not, because products are deleted
    /// meanwhile.
    fn pages(self, total: u64) -> u64 {
        2 * (total.max(self.documented()) / self.page + 1)
    }

    /// Bytes of a list of so many products.
    fn bytes(self, total: u64) -> usize {
        usize::try_from(total.max(self.documented())).unwrap_or(usize::MAX).saturating_mul(BYTES)
    }
}

/// Bytes that a product of a list takes on the average of the longest list.
const BYTES: usize = 2048;

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another page.
    Page,
    /// Nothing: all is there.
    Done,
    /// The list changed while it was read.
    Changed,
}

/// Why a list is not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Endless {
    /// The total is absurd.
    #[error(
        "the answer says that there are {total} products, and the vendor documents at most {quota} for an account or \
         instance; no list of more than {most} is read. Check the account's endpoint"
    )]
    Total { total: u64, quota: u64, most: u64 },
    /// Too many bytes.
    #[error(
        "the products of the list take more than {most} bytes, which no list of this vendor does. Check the account's endpoint"
    )]
    Bytes { most: usize },
    /// Too many pages.
    #[error(
        "the list has more than {most} pages, which no list of this vendor has. Check the account's endpoint"
    )]
    Pages { most: u64 },
    /// More entries than were asked for.
    #[error("a page has more than the {most} products that were asked for")]
    Page { most: u64 },
    /// An entry that cannot be a product.
    #[error("a list entry has no id or name that can be one")]
    Nameless,
    /// All lists together are too large.
    #[error(
        "the lists of all accounts take too much memory, and this is the largest; it is read again later"
    )]
    Memory,
}

/// The pages of one list so far.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    bounds: Bounds,
    reading: &'a Reading,
    total: Option<u64>,
    found: BTreeMap<String, Observed>,
    entries: u64,
    taken: u64,
    bytes: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(bounds: Bounds, reading: &'a Reading) -> Self {
        reading.start_over();
        let found = BTreeMap::new();
        Self { bounds, reading, total: None, found, entries: 0, taken: 0, bytes: 0 }
    }

    /// Entries so far, of all pages: the offset of the next page.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Takes a page in: the total that it tells, and its products, none where an entry cannot be one.
    pub(super) fn take(
        &mut self,
        total: u64,
        products: impl ExactSizeIterator<Item = Option<Observed>>,
    ) -> Result<Next, Endless> {
        let Bounds { page, quota, .. } = self.bounds;
        let (most, length) = (self.bounds.products(), products.len() as u64);
        self.taken += 1;
        if total > most {
            return Err(Endless::Total { total, quota, most });
        }
        if length > page {
            return Err(Endless::Page { most: page });
        }
        if self.taken > self.bounds.pages(total) {
            return Err(Endless::Pages { most: self.bounds.pages(total) });
        }
        if *self.total.get_or_insert(total) != total {
            return Ok(Next::Changed);
        }
        let (known, mut bytes) = (self.found.len(), 0_usize);
        for product in products {
            let product = product.ok_or(Endless::Nameless)?;
            bytes = bytes.saturating_add(weight(&product));
            self.found.insert(product.id.clone(), product);
        }
        self.entries += length;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.bounds.bytes(total) {
            return Err(Endless::Bytes { most: self.bounds.bytes(total) });
        }
        if !self.reading.grow(bytes) {
            return Err(Endless::Memory);
        }
        if self.entries >= total {
            let complete = self.found.len() as u64 == total;
            return Ok(if complete { Next::Done } else { Next::Changed });
        }
        // A page without anything new, and not all is there.
        Ok(if self.found.len() == known { Next::Changed } else { Next::Page })
    }

    /// All products, by id.
    pub(super) fn into_products(self) -> Vec<Observed> {
        self.found.into_values().collect()
    }
}

/// Reads a list until it did not change meanwhile: `whole` reads all pages once, and gives nothing when they do not agree.
/// `unreadable` makes the error of a list that is none.
pub(super) async fn until_settled<'a, F>(
    reading: &'a Reading,
    unreadable: impl Fn(&str) -> VendorError,
    whole: impl Fn(&'a Reading) -> F,
) -> Result<Vec<Observed>, VendorError>
where
    F: Future<Output = Result<Option<Vec<Observed>>, VendorError>>,
{
    let read = async {
        for _ in 0..=REREADS {
            if let Some(products) = whole(reading).await? {
                return Ok(products);
            }
        }
        Err(unreadable("the list changed each time while it was read"))
    };
    tokio::select! {
        biased;
        list = read => list,
        // What was read is dropped here, also while the next page is waited for.
        () = reading.ended() => Err(unreadable(&Endless::Memory.to_string())),
    }
}
