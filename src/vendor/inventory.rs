//! Lists of an account's products, shared by everyone who needs one (protocol, "Complete look-up").
//!
//! A caller names the earliest begin that its proof allows. A finished list that began later answers at
//! once; otherwise everyone who waits joins the next list, so a thousand look-ups cost one.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::{AnyCloud, Call, Cloud, VendorError};
use crate::plan::Listing;

#[derive(Default)]
struct Latest {
    listing: Option<Listing>,
    failed: Option<(Timestamp, Arc<VendorError>)>,
    /// Lists begun before this show what is known to be gone.
    outdated: Option<Timestamp>,
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
        let begun = Timestamp::now();
        let answer = cloud.list(call).await;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(products) => {
                let listing = Listing { begun, products: products.into() };
                latest.listing = Some(listing.clone());
                latest.failed = None;
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
    pub fn outdate(&self) {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).outdated = Some(Timestamp::now());
    }

    /// The last complete list, however old.
    pub fn latest(&self) -> Option<Listing> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).listing.clone()
    }
}
