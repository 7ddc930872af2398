//! The creation ledger: what an annotation says about the attempts to create a product (protocol, "Terms").

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest text in a ledger, in bytes: no vendor's product name is longer.
const LONGEST: usize = 256;

/// How the last attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedgerState {
    /// The create may be under way, or have had its effect unseen.
    Open,
    /// The vendor's clear answer ended the attempt.
    Closed,
}

/// The ledger of one object. It only goes up: a lower attempt than one seen before is written again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// UID of the object it was written for; with another UID (copied manifest) it is none.
    pub uid: String,
    /// Fingerprint of vendor, host, region, site, instance, project and key id.
    pub connection: String,
    /// The product name that the attempt sends.
    pub name: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// When the attempt's call has certainly ended on our side.
    pub deadline: Timestamp,
    /// Open or closed.
    pub state: LedgerState,
    /// When the vendor said that the name is taken, if that closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Timestamp>,
    /// How it was asked for again since, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

/// A name that was asked for more than once, and taken each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Again {
    /// Number of the attempt that was told first.
    pub since: u32,
    /// When the vendor said so last.
    pub last: Timestamp,
}

impl Ledger {
    /// Reads an annotation; `None` for one of another object or one that cannot be read.
    ///
    /// An unreadable ledger counts as an open attempt elsewhere: the caller passes the raw text's presence
    /// by [`Ledger::unreadable`].
    pub fn parse(text: &str, uid: &str) -> Option<Self> {
        Self::read(text).filter(|ledger| ledger.uid == uid)
    }

    /// A ledger as the operator writes them. A user can write any text: names that no vendor has are none.
    fn read(text: &str) -> Option<Self> {
        let ledger: Self = serde_json::from_str(text).ok()?;
        let short = |text: &String| text.len() <= LONGEST && !text.contains(char::is_control);
        let short = [&ledger.uid, &ledger.connection, &ledger.name].into_iter().all(short);
        short.then_some(ledger)
    }

    /// This ledger with a deadline that can be one: no call lasts longer than `limit` from `now` on. A later one was
    /// written by hand, or by a machine whose clock was ahead, and would be waited for.
    #[must_use]
    pub fn by(self, now: Timestamp, limit: Duration) -> Self {
        let latest = now.saturating_add(limit).unwrap_or(now);
        Self { deadline: self.deadline.min(latest), ..self }
    }

    /// Whether a text is there that cannot be read as a ledger. A user damaged it: the attempt it stood for
    /// may have had its effect, so it is treated as an open one.
    pub fn unreadable(text: &str) -> bool {
        Self::read(text).is_none()
    }

    /// The annotation's text.
    pub fn text(&self) -> String {
        // A struct of strings and numbers always serialises; an empty text would read as damaged, so safe.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Nothing has settled it yet.
    pub fn is_open(&self) -> bool {
        self.state == LedgerState::Open
    }

    /// Whether a product may have been created of which nothing is known. Attempt zero sent nothing: a product that exists
    /// was about to be recorded.
    pub fn is_unclear(&self) -> bool {
        self.is_open() && self.attempt > 0
    }

    /// This ledger as status completes it: an attempt whose number status has led to an id that was recorded,
    /// so nothing about it is unclear, also when that product is gone since (protocol, Create 5 and Re-create).
    #[must_use]
    pub fn recorded(self, attempt: u32) -> Self {
        if self.is_open() && self.attempt == attempt { self.closed(None) } else { self }
    }

    /// When the name was said to be taken, if that may have been by an earlier attempt of this object whose
    /// product no list shows yet.
    pub fn taken_by_us(&self) -> Option<Timestamp> {
        let told_first = self.again.map_or(self.attempt, |again| again.since);
        self.taken.filter(|_| !self.is_open() && told_first > 1)
    }

    /// Whether the annotation of the object holds a later attempt than this one: another process went on from
    /// where this one stopped. Its ledger is not written over, or the same number would be sent twice.
    pub fn is_overtaken(&self, annotation: Option<&str>) -> bool {
        annotation
            .and_then(|text| Self::parse(text, &self.uid))
            .is_some_and(|written| written.attempt > self.attempt)
    }

    /// When the vendor said last that the name is taken.
    pub fn last_taken(&self) -> Option<Timestamp> {
        self.again.map(|again| again.last).or(self.taken)
    }

    /// This ledger, closed by a clear answer.
    #[must_use]
    pub fn closed(mut self, taken: Option<Timestamp>) -> Self {
        self.state = LedgerState::Closed;
        self.taken = taken;
        self.again = None;
        self
    }

    /// This ledger, closed because the name is taken. Where the attempt before it was told the same of the same name, it
    /// has been taken since then.
    #[must_use]
    pub fn closed_as_taken(self, before: Option<&Self>, now: Timestamp) -> Self {
        match self.told(before) {
            None => self.closed(Some(now)),
            Some((taken, again)) => {
                Self { again: Some(Again { last: now, ..again }), ..self.closed(Some(taken)) }
            }
        }
    }

    /// This ledger, closed by a clear refusal of another kind. It takes nothing back of what the attempt before it was told
    /// of the same name: the product that has it may be an earlier attempt's.
    #[must_use]
    pub fn closed_as_refused(self, before: Option<&Self>) -> Self {
        match self.told(before) {
            None => self.closed(None),
            Some((taken, again)) => Self { again: Some(again), ..self.closed(Some(taken)) },
        }
    }

    /// Since when the name is known to be taken, if the attempt before this one was told so.
    fn told(&self, before: Option<&Self>) -> Option<(Timestamp, Again)> {
        let before = before.filter(|before| !before.is_open() && before.name == self.name)?;
        let taken = before.taken?;
        Some((taken, before.again.unwrap_or(Again { since: before.attempt, last: taken })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger {
            uid: "u1".into(),
            connection: "c".into(),
            name: "thermostat".into(),
            attempt: 2,
            deadline: Timestamp::from_second(1_700_000_000).unwrap(),
            state: LedgerState::Open,
            taken: None,
            again: None,
        }
    }

    #[test]
    fn it_reads_what_it_wrote() {
        assert_eq!(Ledger::parse(&ledger().text(), "u1"), Some(ledger()));
    }

    #[test]
    fn a_copied_manifest_brings_no_ledger() {
        assert_eq!(Ledger::parse(&ledger().text(), "u2"), None);
        assert!(!Ledger::unreadable(&ledger().text()));
    }

    #[test]
    fn an_attempt_that_led_to_a_recorded_id_is_settled_and_no_other() {
        assert!(!ledger().recorded(2).is_open());
        assert!(ledger().recorded(1).is_open() && ledger().recorded(3).is_open());
    }

    #[test]
    fn only_a_later_attempt_overtakes() {
        let with = |attempt| Ledger { attempt, ..ledger() }.text();
        assert!(ledger().is_overtaken(Some(&with(3))));
        for text in [with(1), with(2), "{".to_owned()] {
            assert!(!ledger().is_overtaken(Some(&text)), "{text}");
        }
        let another = Ledger { uid: "u2".into(), attempt: 3, ..ledger() };
        assert!(!ledger().is_overtaken(Some(&another.text())));
        assert!(!ledger().is_overtaken(None));
    }

    #[test]
    fn what_was_told_of_a_name_outlives_a_refusal_of_another_kind() {
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
        let next = |before: &Ledger| Ledger { attempt: before.attempt + 1, ..ledger() };
        let told = ledger().closed_as_taken(None, at(0));
        assert_eq!(told.taken_by_us(), Some(at(0)), "attempt 1 may have made the product");
        let refused = next(&told).closed_as_refused(Some(&told));
        assert_eq!((refused.taken_by_us(), refused.last_taken()), (Some(at(0)), Some(at(0))));
        let again = next(&refused).closed_as_taken(Some(&refused), at(9));
        assert_eq!((again.taken_by_us(), again.last_taken()), (Some(at(0)), Some(at(9))));
        let other = Ledger { name: "other".into(), ..next(&told) };
        assert_eq!(other.closed_as_refused(Some(&told)).taken, None, "another name");
        assert_eq!(next(&told).closed_as_refused(None).taken, None);
    }

    #[test]
    fn a_damaged_ledger_is_known_as_such() {
        assert!(Ledger::unreadable("{\"uid\":\"u1\""));
    }
}
