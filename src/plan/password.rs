//! Passwords that only the operator knows (protocol, "Secrets", Huawei): the Kubernetes Secret is their one
//! copy, so a value is written down before it is sent, and replaced only when that cuts nobody off.

use jiff::Timestamp;

/// What is known of a product's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The Secret holds a confirmed one.
    pub stored: bool,
    /// It is the one whose hash status holds; `None` where status holds none.
    pub matches: Option<bool>,
    /// The Secret holds one that was written down to be sent.
    pub pending: bool,
    /// The pending one is also the confirmed one: it waits for its repetition.
    pub confirmed: bool,
    /// From when on no late delivery of an unclear call is to be feared.
    pub settles: Option<Timestamp>,
    /// A user asked for a new one, and none was made for that wish yet.
    pub rotate: bool,
    /// The product was created by this object and has no devices.
    pub fresh: bool,
    /// Now.
    pub now: Timestamp,
}

/// The wish for a new password, by the value of its annotation, and how far it came.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What the object asks for.
    pub asked: Option<&'a str>,
    /// What status tells to be carried out.
    pub handled: Option<&'a str>,
    /// What the newest value in the Secret was made for.
    pub written: Option<&'a str>,
}

impl Wish<'_> {
    /// No value was made for it yet.
    pub fn is_open(&self) -> bool {
        self.asked.is_some() && self.asked != self.handled && self.asked != self.written
    }

    /// A value was made for it and status does not tell of it yet, so the hash in status is an older one's.
    pub fn is_ahead(&self) -> bool {
        self.asked.is_some() && self.asked != self.handled && self.asked == self.written
    }
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is as it should be.
    Keep,
    /// Take the stored one as confirmed: status lost its hash, or the Secret was restored.
    Confirm,
    /// Send the pending one, again if need be.
    SendPending,
    /// Make one, write it down, send it.
    SendNew,
    /// It is confirmed; send it once more at that moment, in case an unclear call is still under way.
    Hold(Timestamp),
    /// The only copy is gone or altered.
    Lost,
}

/// Decides. While a call is unclear no other value is sent.
pub fn step(known: Known) -> Step {
    if known.pending {
        return match known.settles.filter(|settles| known.confirmed && known.now < *settles) {
            Some(settles) => Step::Hold(settles),
            None => Step::SendPending,
        };
    }
    if known.rotate {
        return Step::SendNew;
    }
    match (known.stored, known.matches) {
        (true, Some(true)) => Step::Keep,
        (true, None) => Step::Confirm,
        (false, None) if known.fresh => Step::SendNew,
        (true, Some(false)) | (false, _) => Step::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn known() -> impl Strategy<Value = Known> {
        (any::<(bool, Option<bool>, bool, bool, bool, bool)>(), proptest::option::of(-100_i64..100)).prop_map(
            |((stored, matches, pending, confirmed, rotate, fresh), settles)| Known {
                stored,
                matches,
                pending,
                confirmed: confirmed && pending && stored,
                settles: settles.map(moment),
                rotate,
                fresh,
                now: moment(0),
            },
        )
    }

    #[test]
    fn a_wish_is_carried_out_once() {
        let wish = |asked, handled, written| {
            let wish = Wish { asked, handled, written };
            (wish.is_open(), wish.is_ahead())
        };
        assert_eq!(wish(None, Some("1"), Some("1")), (false, false));
        assert_eq!(wish(Some("2"), Some("1"), Some("1")), (true, false));
        assert_eq!(wish(Some("2"), Some("1"), Some("2")), (false, true), "made before a crash");
        assert_eq!(wish(Some("2"), Some("2"), Some("2")), (false, false));
        assert_eq!(wish(Some("2"), Some("2"), None), (false, false), "the Secret was lost since");
        assert_eq!(wish(Some("2"), Some("2"), Some("1")), (false, false), "an old backup is not newer");
    }

    proptest! {
        #[test]
        fn no_other_value_is_sent_while_one_is_pending(known in known()) {
            let known = Known { pending: true, ..known };
            prop_assert!(matches!(step(known), Step::SendPending | Step::Hold(_)));
        }

        #[test]
        fn a_password_is_made_only_for_a_fresh_product_or_on_request(known in known()) {
            if step(known) == Step::SendNew {
                prop_assert!(known.rotate || (known.fresh && !known.stored && known.matches.is_none()));
            }
        }

        #[test]
        fn an_altered_or_missing_copy_is_never_taken_for_good(known in known()) {
            let known = Known { pending: false, rotate: false, matches: Some(false), ..known };
            prop_assert_eq!(step(known), Step::Lost);
        }

        #[test]
        fn a_confirmed_value_is_repeated_once_the_unclear_call_cannot_come_any_more(known in known()) {
            let known = Known { stored: true, pending: true, confirmed: true, ..known };
            let over = known.settles.is_none_or(|settles| settles <= known.now);
            prop_assert_eq!(step(known) == Step::SendPending, over);
        }
    }
}
