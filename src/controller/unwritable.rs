//! Objects whose status the cluster does not take: an admission policy, a missing right, a definition of another version.
//! Status cannot say so, so an Event, the log and a metric do; once for each object, however often it is tried again.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::info;

/// Their UIDs.
#[derive(Debug, Default)]
pub struct Unwritable(Mutex<HashSet<String>>);

impl Unwritable {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object's status was refused. Whether it was taken before.
    pub fn note(&self, uid: String) -> bool {
        self.lock().insert(uid)
    }

    /// Whether an object's status was refused when it was last written.
    pub fn contains(&self, uid: &str) -> bool {
        self.lock().contains(uid)
    }

    /// Forgets an object: its status was taken, or it is gone.
    pub fn forget(&self, uid: &str) {
        if self.lock().remove(uid) {
            info!(
                uid,
                "the status of an object that was refused before is written again, or the object is gone"
            );
        }
    }
}
