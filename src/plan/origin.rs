//! How a recorded product came to its object, and what the object may do with it (protocol, "Origin").
//!
//! Only two things make a product this object's own: its own attempt, told by the object's exact mark or by the vendor's
//! answer to that attempt, and a takeover that the account's `adoption` let pass. A refused attempt, a ledger that
//! somebody copied or wrote by hand, and the number of attempts say nothing about it.

use super::mark::{Marks, find};
use super::search::{Ownership, ownership};
use super::{Claim, Facts};
pub use crate::api::Origin;
use crate::vendor::Observed;

/// What is recorded of a product together with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// How it came to its object.
    pub origin: Origin,
    /// The mark that an adopted product carried; empty for none.
    pub adopted_mark: Option<String>,
}

impl Provenance {
    /// Of a product whose creation the vendor answered.
    pub fn created() -> Self {
        Self { origin: Origin::Created, adopted_mark: None }
    }

    /// Of a product that was found at the vendor and is about to be recorded. The object's exact mark holds its UID
    /// and is sent in the create itself, so with an attempt on record it tells that attempt's product; the mark of a
    /// former object of the same name tells another's.
    pub fn of_found(product: &Observed, claim: Claim, facts: &Facts) -> Self {
        let found = find(&product.description);
        let attempted = facts.ledger.as_ref().is_some_and(|ledger| ledger.attempt > 0);
        if claim == Claim::Mark && attempted && found == Marks::One(facts.mark.clone()) {
            return Self::created();
        }
        if facts.observe_only {
            return Self { origin: Origin::Watched, adopted_mark: None };
        }
        let adopted_mark = match found {
            Marks::One(mark) => mark.to_string(),
            Marks::None | Marks::Many => String::new(),
        };
        Self { origin: Origin::Adopted, adopted_mark: Some(adopted_mark) }
    }
}

/// Whether the recorded product is this object's to change, to deliver and to delete. Of one that was recorded before
/// origins were, its mark has to tell.
pub fn is_owned(facts: &Facts) -> bool {
    match facts.origin {
        Some(Origin::Created | Origin::Adopted) => true,
        Some(Origin::Watched) | None => false,
    }
}

/// Whether a product that was read just now may be deleted: what is owned and does not carry another's mark, or, of
/// unknown origin or without the account's leave, what carries this object's own mark.
pub(super) fn may_delete(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> bool {
    if !facts.admitted {
        return find(&product.description) == Marks::One(facts.mark.clone());
    }
    match facts.origin {
        Some(Origin::Created | Origin::Adopted) => super::keep::accepted(product, facts, lives),
        Some(Origin::Watched) => false,
        None => ownership(product, facts, lives) == Ownership::Ours,
    }
}

/// Whether a product's credentials may be delivered to this object's namespace. Watching delivers only what the account
/// would let the object take over.
pub fn may_deliver(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> bool {
    if facts.observe_only {
        return super::create::may_take(product, facts, lives);
    }
    is_owned(facts)
}
