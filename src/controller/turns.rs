//! Whose turn it is to create a product of a name, where the vendor would take the name twice.
//!
//! There a list decides whether a name is free, and a list cannot show what is created at the same moment. So one object
//! at a time looks for a name and creates it, within one place at the vendor, whichever accounts and namespaces name the
//! place. Who comes next looks again, by a list that began after the answer. Only this process is kept in order: another
//! one is kept from acting by the lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long an answer is remembered: longer than a visit, which may have looked before it.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);

/// Place and name.
type Key = (String, String);

#[derive(Debug, Default)]
struct Entry {
    /// Whose visit has the turn.
    holder: Option<String>,
    /// Whose create had no clear answer, and until when it may still arrive.
    unclear: Option<(String, Timestamp)>,
    /// A list that began before this may lack a product of the name.
    news: Option<Timestamp>,
}

impl Entry {
    fn is_over(&self, now: Timestamp) -> bool {
        let past = |at: Timestamp| now.duration_since(at) > REMEMBERED;
        self.holder.is_none()
            && self.news.is_none_or(past)
            && self.unclear.as_ref().is_none_or(|(_, until)| past(*until))
    }
}

/// The turns of this process.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<Key, Entry>>);

/// A turn, which ends when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it is another's turn"]
pub struct Turn {
    turns: Arc<Turns>,
    key: Key,
    uid: String,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn of a name for an object. `None` while it is another's, or while another's create may still arrive.
    pub fn take(self: &Arc<Self>, place: &str, name: &str, uid: &str, now: Timestamp) -> Option<Turn> {
        let key = (place.to_owned(), name.to_owned());
        let mut turns = self.lock();
        turns.retain(|_, entry| !entry.is_over(now));
        let entry = turns.entry(key.clone()).or_default();
        if entry.holder.is_some() {
            return None;
        }
        if let Some((_, until)) = entry.unclear.as_ref().filter(|(whose, _)| whose != uid) {
            if now < *until {
                return None;
            }
            entry.news = entry.news.max(Some(*until));
            entry.unclear = None;
        }
        entry.holder = Some(uid.to_owned());
        Some(Turn { turns: Arc::clone(self), key, uid: uid.to_owned() })
    }
}

impl Turn {
    /// When the name was created last, or may have been: a list that began before does not show that.
    pub fn news(&self) -> Option<Timestamp> {
        self.turns.lock().get(&self.key)?.news
    }

    /// A create is about to be sent; without a clear answer it may arrive until `until`.
    pub fn sends(&self, until: Timestamp) {
        self.note(|entry, uid| entry.unclear = Some((uid, until)));
    }

    /// What was sent is known: the vendor answered clearly, or the product was found.
    pub fn is_clear(&self, now: Timestamp) {
        self.note(|entry, uid| {
            if entry.unclear.take_if(|(whose, _)| *whose == uid).is_some() {
                entry.news = Some(now);
            }
        });
    }

    fn note(&self, change: impl FnOnce(&mut Entry, String)) {
        if let Some(entry) = self.turns.lock().get_mut(&self.key) {
            change(entry, self.uid.clone());
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.note(|entry, _| entry.holder = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn turns() -> Arc<Turns> {
        Arc::new(Turns::default())
    }

    #[test]
    fn one_object_at_a_time_creates_a_name_in_a_place() {
        let turns = turns();
        let first = turns.take("here", "lamp", "a", at(0)).unwrap();
        assert!(turns.take("here", "lamp", "b", at(0)).is_none());
        assert!(turns.take("here", "other", "b", at(0)).is_some());
        assert!(turns.take("there", "lamp", "b", at(0)).is_some());
        assert_eq!(first.news(), None);
        first.sends(at(75));
        first.is_clear(at(1));
        drop(first);
        let second = turns.take("here", "lamp", "b", at(1)).unwrap();
        assert_eq!(second.news(), Some(at(1)), "an older list does not show the first one's product");
    }

    #[test]
    fn a_create_without_a_clear_answer_keeps_others_away_as_long_as_it_may_arrive() {
        let turns = turns();
        turns.take("here", "lamp", "a", at(0)).unwrap().sends(at(75));
        assert!(turns.take("here", "lamp", "b", at(74)).is_none());
        let again = turns.take("here", "lamp", "a", at(74)).unwrap();
        again.is_clear(at(74));
        drop(again);
        assert!(turns.take("here", "lamp", "b", at(74)).is_some(), "its object found out");
        turns.take("here", "lamp", "a", at(80)).unwrap().sends(at(155));
        let after = turns.take("here", "lamp", "b", at(155)).unwrap();
        assert_eq!(after.news(), Some(at(155)));
    }

    #[test]
    fn what_is_over_takes_no_memory() {
        let turns = turns();
        let turn = turns.take("here", "lamp", "a", at(0)).unwrap();
        turn.sends(at(75));
        drop(turn);
        assert!(turns.take("here", "other", "a", at(374)).is_some());
        assert_eq!(turns.lock().len(), 2);
        assert!(turns.take("here", "third", "a", at(376)).is_some());
        assert_eq!(turns.lock().len(), 1);
    }
}
