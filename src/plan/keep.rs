//! An object with a recorded product: keep it, or create it anew when it is proved gone.

use std::time::Duration;

use jiff::Timestamp;

use super::create::{LIST_LAG, TWO_LOOKUPS, later, until};
use super::mark::{Marks, find};
use super::origin::is_owned;
use super::search::{Ownership, ownership};
use super::{Check, Facts, Listing, Need, Plan, SLOW, Seen};
use crate::api::Reason;
use crate::vendor::{Observed, Traits};

pub(super) fn need(id: &str, facts: &Facts, traits: &Traits) -> Need {
    // Whose a product is that was only watched, or recorded before origins were, status does not tell.
    let check = if undecided(facts) { Check::Full } else { facts.check };
    match check {
        Check::Rest | Check::Edit => Need::Known { id: id.to_owned() },
        Check::Full if traits.reads_by_id => Need::Read { id: id.to_owned() },
        Check::Full => Need::List { begun_after: facts.now },
    }
}

/// Whether the product has to be seen to know whose it is. Who watches has no say in that, but what was recorded before
/// origins were counts as its object's own for all others until an origin stands there.
fn undecided(facts: &Facts) -> bool {
    facts.origin.is_none() || !is_owned(facts) && !facts.observe_only
}

pub(super) fn plan(
    id: &str,
    facts: &Facts,
    traits: &Traits,
    seen: Seen,
    lives: &dyn Fn(&str) -> bool,
) -> Plan {
    match seen {
        Seen::Product(product) => present(product, facts, lives),
        Seen::List(listing) => match listing.products.iter().find(|p| p.id == id) {
            Some(product) => present(Box::new(product.clone()), facts, lives),
            None => match unlisted(facts, traits, &listing, lives) {
                Absence::Proved => absent(id, facts, true),
                Absence::Unproved => absent(id, facts, false),
                Absence::Again(after) => Plan::Look { after },
            },
        },
        Seen::Absent { proved } => absent(id, facts, proved),
        // Nothing was asked: nothing is decided.
        Seen::Nothing => Plan::Done,
    }
}

/// What a list that does not show a recorded product proves.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The product does not exist.
    Proved,
    /// It may be the wrong account.
    Unproved,
    /// A second list has to say the same, after this long.
    Again(Duration),
}

/// Missing from a list is a hint, unless lists are the only reading: then two prove it, through a connection
/// that has shown this product or whose last list shows another product of this cluster, because a wrong
/// account's list lacks it too (protocol, "Absent"). A list that lags does not show yet what was created a
/// moment ago, unless the vendor itself says that it is deleted: then both lists begin after that.
pub(super) fn unlisted(
    facts: &Facts,
    traits: &Traits,
    listing: &Listing,
    lives: &dyn Fn(&str) -> bool,
) -> Absence {
    if traits.reads_by_id {
        return Absence::Unproved;
    }
    let first = facts.first_empty.filter(|first| facts.deleted.is_none_or(|deleted| *first >= deleted));
    let fresh = facts.ledger.as_ref().filter(|_| facts.deleted.is_none());
    let shows = fresh.map_or(Timestamp::MIN, |ledger| later(ledger.deadline, LIST_LAG));
    let second = later(first.unwrap_or(listing.begun), TWO_LOOKUPS).max(shows);
    if first.is_none() || listing.begun < second {
        // A list that lags may show it long before that.
        return Absence::Again(until(second, facts.now).min(TWO_LOOKUPS.unsigned_abs()));
    }
    let known = |product: &Observed| match find(&product.description) {
        Marks::One(mark) => lives(&mark.uid_head),
        Marks::None | Marks::Many => false,
    };
    if facts.shown_here || listing.products.iter().any(known) { Absence::Proved } else { Absence::Unproved }
}

/// Whether the mark on a recorded product is one that this object accepts (protocol, Adopt).
pub(super) fn accepted(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> bool {
    match ownership(product, facts, lives) {
        Ownership::Ours | Ownership::Unmarked => true,
        Ownership::Foreign(mark) => facts.adopted_mark.as_deref() == Some(mark.to_string().as_str()),
        Ownership::Disputed => false,
    }
}

fn present(product: Box<Observed>, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> Plan {
    if let Some(older) = &facts.rival {
        return Plan::wait(
            Reason::NameConflict,
            format!(
                "product {} is also recorded by {older}, which keeps it; remove this manifest, which only forgets the product",
                product.id
            ),
            SLOW,
        );
    }
    // From ObserveOnly to Full: the same check as any adoption, whatever was attempted before.
    if undecided(facts) {
        return super::create::take_over(*product, facts, lives);
    }
    if facts.observe_only || accepted(&product, facts, lives) {
        return Plan::Keep { product };
    }
    let mark = match find(&product.description) {
        Marks::One(mark) => format!("the mark {mark}"),
        Marks::Many | Marks::None => "two marks".to_owned(),
    };
    Plan::wait(
        Reason::NameConflict,
        format!(
            "product {} now carries {mark}, which is not this IotProduct's: another owner took it over; nothing is changed, and deleting this IotProduct only forgets it",
            product.id
        ),
        SLOW,
    )
}

fn absent(id: &str, facts: &Facts, proved: bool) -> Plan {
    if proved && !facts.observe_only && facts.imported.is_none() {
        return Plan::Recreate { id: id.to_owned() };
    }
    let why = if facts.observe_only {
        "managementPolicy ObserveOnly creates none"
    } else if facts.imported.is_some() {
        "it was imported by spec.productId and is not created anew"
    } else {
        "no other product of ours is visible through the account's present key or place, so it may be the wrong account; check the credentials"
    };
    Plan::wait(Reason::ProductMissing, format!("product {id} does not exist at the vendor: {why}"), SLOW)
}
