//! Products so young that a read may not show them yet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a read may lag behind a create. Not documented; until then a not-found proves nothing.
const LAG: Duration = Duration::from_secs(10);

/// The products that this client created a moment ago.
#[derive(Default)]
pub(in crate::vendor) struct Fresh(Mutex<HashMap<String, Instant>>);

impl Fresh {
    /// A product was created.
    pub(in crate::vendor) fn created(&self, id: &str) {
        let now = Instant::now();
        let mut young = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        young.retain(|_, until| *until > now);
        young.insert(id.to_owned(), now + LAG);
    }

    /// It was deleted again, so its absence is nothing to doubt.
    pub(in crate::vendor) fn deleted(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Whether a not-found of this product may be the vendor's lag.
    pub(in crate::vendor) fn may_lag(&self, id: &str) -> bool {
        let young = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        young.get(id).is_some_and(|until| *until > Instant::now())
    }
}
