//! What this process remembers of objects between visits. All of it can be lost: it only saves calls.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::plan::ledger::Ledger;
use crate::plan::lookups::Lookups;

/// Hexadecimal digits of a UUID.
const UUID_DIGITS: usize = 32;

/// What is remembered of one object.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Entry {
    /// A list hinted at a difference; a full read is due.
    pub hint: bool,
    /// A list shows another product with this object's mark beside the recorded one.
    pub surplus: bool,
    /// The highest ledger written or seen: a user's edit of the annotation does not make it go down.
    pub ledger: Option<Box<Ledger>>,
    /// Look-ups that did not show what was looked for.
    pub lookups: Lookups,
    /// Failures in a row.
    pub failures: u32,
    /// Since when they last.
    pub failing_since: Option<Instant>,
    /// Resource version of the object as this process last wrote it; the store may lag behind.
    pub written: Option<u64>,
    /// The Secret's turn has come.
    pub secret_due: bool,
}

impl Entry {
    /// Nothing failed and nothing is due.
    pub fn rest(&mut self) {
        self.failures = 0;
        self.failing_since = None;
        self.secret_due = false;
    }
}

/// A UID in a few bytes; one that is no UUID is hashed.
fn key(uid: &str) -> u128 {
    let digits = uid.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == UUID_DIGITS);
    number.unwrap_or_else(|| {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, uid).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    })
}

/// Entries by UID.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<u128, Entry>>);

impl Memory {
    /// Looks at or changes the entry of an object. One that says nothing takes no memory.
    pub fn with<R>(&self, uid: &str, act: impl FnOnce(&mut Entry) -> R) -> R {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.entry(key(uid)) {
            Slot::Occupied(mut slot) => {
                let result = act(slot.get_mut());
                if *slot.get() == Entry::default() {
                    slot.remove();
                }
                result
            }
            Slot::Vacant(slot) => {
                let mut entry = Entry::default();
                let result = act(&mut entry);
                if entry != Entry::default() {
                    slot.insert(entry);
                }
                result
            }
        }
    }

    /// Whether anything is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Forgets of an object what the store shows as well: that it is as this process wrote it, in `version`, and
    /// the ledger of an attempt whose product is `recorded`, by that attempt's number.
    pub fn settle(&self, uid: &str, version: Option<u64>, recorded: Option<u32>) {
        self.with(uid, |entry| {
            entry.written = entry.written.filter(|written| version < Some(*written));
            if entry.written.is_none() {
                entry.ledger.take_if(|ledger| recorded.is_some_and(|attempt| ledger.attempt <= attempt));
            }
        });
    }

    /// Gives back the room that many entries took, when few are left.
    pub fn shrink(&self) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() < entries.capacity() / 4 {
            entries.shrink_to_fit();
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(uid));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::plan::ledger::LedgerState;

    fn ledger(attempt: u32) -> Ledger {
        Ledger {
            uid: "u1".into(),
            connection: "c".into(),
            name: "thermostat".into(),
            attempt,
            deadline: Timestamp::from_second(1_700_000_000).unwrap(),
            state: LedgerState::Open,
            taken: None,
            again: None,
        }
    }

    #[test]
    fn an_entry_that_says_nothing_is_not_kept() {
        let memory = Memory::default();
        assert!(!memory.with("u1", |entry| entry.hint));
        assert!(memory.is_empty());
        memory.with("u1", |entry| entry.hint = true);
        assert!(memory.with("u1", |entry| entry.hint));
        memory.with("u1", |entry| entry.hint = false);
        assert!(memory.is_empty());
    }

    #[test]
    fn what_the_store_shows_is_forgotten_and_nothing_else() {
        let memory = Memory::default();
        let write = |attempt: u32| {
            memory.with("u1", |entry| {
                entry.written = Some(7);
                entry.ledger = Some(Box::new(ledger(attempt)));
            });
        };
        let kept = || memory.with("u1", |entry| (entry.written, entry.ledger.is_some()));
        write(1);
        memory.settle("u1", Some(6), Some(1));
        assert_eq!(kept(), (Some(7), true), "the store lags behind");
        memory.settle("u1", None, Some(1));
        assert_eq!(kept(), (Some(7), true), "a version that says nothing");
        memory.settle("u1", Some(7), None);
        assert_eq!(kept(), (None, true), "nothing is recorded");
        write(2);
        memory.settle("u1", Some(8), Some(1));
        assert_eq!(kept(), (None, true), "an earlier attempt is recorded");
        memory.settle("u1", Some(8), Some(2));
        assert!(memory.is_empty());
    }

    #[test]
    fn every_uid_has_its_own_entry() {
        let uuid = "f6a093f5-9364-4fd9-81a4-fa05e5f0486e";
        assert_eq!(key(uuid), 0xf6a0_93f5_9364_4fd9_81a4_fa05_e5f0_486e);
        let keys: std::collections::HashSet<u128> = [uuid, "", "u1", "u2", "0"].map(key).into();
        assert_eq!(keys.len(), 5);
    }
}
