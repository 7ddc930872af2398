//! What was looked for in vain, and since when: what a process remembers of one object's look-ups between its visits.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;

use super::Facts;

/// The thing that was looked for, through one connection: the recorded product, or what an attempt left. What was seen
/// of one says nothing of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought(u64);

impl Sought {
    /// What is looked for by an object with these facts, through a connection of this name.
    pub fn of(recorded: Option<&str>, attempt: Option<u32>, connection: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (recorded, attempt.filter(|_| recorded.is_none()), connection).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The look-ups for one thing that did not show it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lookups {
    /// What was looked for.
    pub sought: Option<Sought>,
    /// Begin of the first look-up that did not show it, if none has shown it since.
    pub missed: Option<Timestamp>,
    /// When the vendor first said that it had deleted it.
    pub deleted: Option<Timestamp>,
}

impl Lookups {
    fn about(&mut self, sought: Sought) -> &mut Self {
        if self.sought != Some(sought) {
            *self = Self { sought: Some(sought), ..Self::default() };
        }
        self
    }

    /// Where nothing is remembered any more, nothing is kept.
    fn tidied(&mut self) {
        if self.missed.is_none() && self.deleted.is_none() {
            *self = Self::default();
        }
    }

    /// [`Lookups::missed`] of this thing.
    pub fn missed(&self, sought: Sought) -> Option<Timestamp> {
        self.missed.filter(|_| self.sought == Some(sought))
    }

    /// [`Lookups::deleted`] of this thing.
    pub fn deleted(&self, sought: Sought) -> Option<Timestamp> {
        self.deleted.filter(|_| self.sought == Some(sought))
    }

    /// The vendor says that it has deleted it. Whether it had said so before.
    pub fn delete(&mut self, sought: Sought, now: Timestamp) -> bool {
        let lookups = self.about(sought);
        lookups.deleted.replace(lookups.deleted.unwrap_or(now)).is_some()
    }

    /// A look-up that began then shows it.
    pub fn shown(&mut self, begun: Timestamp) {
        self.missed = self.missed.filter(|missed| *missed > begun);
        self.tidied();
    }

    /// A look-up that began then does not show it. One that began before an unclear attempt's deadline says nothing of
    /// what it left (protocol, Create 3 and "Absent"), and one kept from before it would hide every later one.
    pub fn not_shown(&mut self, sought: Sought, facts: &Facts, begun: Timestamp) {
        // A recorded id settles the attempt, whatever its ledger says.
        let unsettled =
            facts.ledger.as_ref().filter(|ledger| ledger.is_unclear() && facts.recorded.is_none());
        let lookups = self.about(sought);
        if unsettled.is_none_or(|open| begun >= open.deadline) {
            let counts = |first: &Timestamp| unsettled.is_none_or(|open| *first >= open.deadline);
            lookups.missed = lookups.missed.filter(counts).or(Some(begun));
        }
        self.tidied();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn facts() -> Facts {
        crate::plan::tests::facts()
    }

    #[test]
    fn what_was_missed_of_one_thing_says_nothing_of_another() {
        let attempt = Sought::of(None, Some(1), "c");
        let mut lookups = Lookups::default();
        lookups.not_shown(attempt, &facts(), at(0));
        lookups.not_shown(attempt, &facts(), at(10));
        assert_eq!(lookups.missed(attempt), Some(at(0)), "the first counts");
        let others = [
            Sought::of(Some("p1"), Some(1), "c"),
            Sought::of(None, Some(2), "c"),
            Sought::of(None, Some(1), "another key"),
        ];
        for other in others {
            assert_eq!(lookups.missed(other), None);
        }
        let recorded = Sought::of(Some("p1"), Some(1), "c");
        assert_eq!(recorded, Sought::of(Some("p1"), Some(2), "c"), "an id is not of an attempt");
        assert!(!lookups.delete(recorded, at(20)) && lookups.delete(recorded, at(30)));
        assert_eq!((lookups.deleted(recorded), lookups.missed(attempt)), (Some(at(20)), None));
    }

    #[test]
    fn what_is_shown_is_not_missed_any_more_and_nothing_is_kept() {
        let product = Sought::of(Some("p1"), None, "c");
        let mut lookups = Lookups::default();
        lookups.not_shown(product, &facts(), at(10));
        lookups.shown(at(9));
        assert_eq!(lookups.missed(product), Some(at(10)), "that list is older");
        lookups.shown(at(10));
        assert_eq!(lookups, Lookups::default());
    }
}
