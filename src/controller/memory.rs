//! What this process remembers of objects between visits. All of it can be lost: it only saves calls.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::plan::ledger::Ledger;

/// What is remembered of one object.
#[derive(Debug, Default, Clone)]
pub struct Entry {
    /// A list hinted at a difference; a full read is due.
    pub hint: bool,
    /// A list shows another product with this object's mark beside the recorded one.
    pub surplus: bool,
    /// The highest ledger written or seen: a user's edit of the annotation does not make it go down.
    pub ledger: Option<Ledger>,
    /// Begin of the first empty look-up since the open ledger's deadline, or since a recorded product was first
    /// missed from a list.
    pub first_empty: Option<Timestamp>,
    /// When the vendor first said clearly that the recorded product is deleted, where lists have to confirm it.
    pub deleted: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// Since when they last.
    pub failing_since: Option<Instant>,
    /// Resource version of the object as this process last wrote it; the store may lag behind.
    pub written: Option<u64>,
    /// When the Secret's turn is.
    pub secret_due: Option<Instant>,
}

/// Entries by UID.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<String, Entry>>);

impl Memory {
    /// Looks at or changes the entry of an object.
    pub fn with<R>(&self, uid: &str, act: impl FnOnce(&mut Entry) -> R) -> R {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(uid) {
            return act(entry);
        }
        act(entries.entry(uid.to_owned()).or_default())
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
