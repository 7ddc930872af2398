//! An object with a recorded product: keep it, or create it anew when it is proved gone.

use std::time::Duration;

use jiff::Timestamp;

use super::create::{LIST_LAG, TWO_LOOKUPS, later, until};
use super::mark::{Marks, find};
use super::origin::is_owned;
use super::search::{Ownership, ownership};
use super::{Check, Facts, Listing, Need, Plan, SLOW, SOON, Seen, Trust};
use crate::api::Reason;
use crate::vendor::{Observed, Traits};

pub(super) fn need(id: &str, facts: &Facts, traits: &Traits) -> Need {
    // Whose a product is that was only watched, or recorded before origins were, status does not tell; nor whose a product
    // of that id is in an account that has shown none of ours.
    let stranger = facts.check == Check::Edit && facts.trust == Trust::NewKey && !facts.shown_here;
    let check = if undecided(facts) || stranger { Check::Full } else { facts.check };
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
        Seen::Product(product) => present(product, facts, traits, lives),
        Seen::List(listing) => match listing.products.iter().find(|p| p.id == id) {
            Some(product) => present(Box::new(product.clone()), facts, traits, lives),
            None => absent(id, facts, &unlisted(facts, traits, &listing)),
        },
        Seen::Absent { listing } => absent(id, facts, &denied(id, facts, listing.as_ref())),
        // Nothing was asked: nothing is decided.
        Seen::Nothing => Plan::Done,
    }
}

/// What a look that did not show a recorded product proves.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The product does not exist.
    Proved,
    /// It may be the wrong account.
    Unproved,
    /// A second look has to say the same, after this long.
    Again(Duration),
    /// One answer says that it does not exist, another one shows it.
    Contradicted,
}

/// What the vendor's exact not-found proves (protocol, "Absent"). One answer may be wrong: a replica that is behind, a
/// fail-over. So a list that began after it has to agree; and of a product that is younger than a list may lag, whose list
/// says nothing, a second answer some time later.
pub(super) fn denied(id: &str, facts: &Facts, listing: Option<&Listing>) -> Absence {
    // The vendor has confirmed the delete: that is one of the two answers.
    if facts.deleted.is_some() {
        return Absence::Proved;
    }
    let Some(listing) = listing else { return Absence::Again(TWO_LOOKUPS.unsigned_abs()) };
    if shows(listing, id, facts) {
        return Absence::Contradicted;
    }
    // Of unknown age it may be young.
    let old = facts.ledger.is_some() && listing.begun >= visible_from(facts);
    let second = later(facts.first_empty.unwrap_or(facts.now), TWO_LOOKUPS);
    if !old && facts.now < second {
        return Absence::Again(until(second, facts.now));
    }
    if believes(facts) { Absence::Proved } else { Absence::Unproved }
}

/// From when on a list shows what the last attempt made, however much it lags.
fn visible_from(facts: &Facts) -> Timestamp {
    facts.ledger.as_ref().map_or(Timestamp::MIN, |ledger| later(ledger.deadline, LIST_LAG))
}

/// The begin of a list that may agree with the vendor's not-found: one that knew the product if it was there.
pub fn agrees_after(facts: &Facts) -> Timestamp {
    let recent = facts.now - LIST_LAG;
    recent.max(visible_from(facts)).min(facts.now)
}

/// Whether a list agrees that the product that is looked for by its id does not exist.
pub fn agrees(facts: &Facts, listing: &Listing) -> bool {
    let id = facts.recorded.as_deref().or(facts.imported.as_deref());
    id.is_none_or(|id| !shows(listing, id, facts))
}

/// Whether a list shows the product and not another one that has its id now.
fn shows(listing: &Listing, id: &str, facts: &Facts) -> bool {
    let another = |product: &Observed| matches!((&facts.serial, &product.serial), (Some(recorded), Some(shown)) if recorded != shown);
    listing.products.iter().any(|product| product.id == id && !another(product))
}

/// Whether it is believed what the account's connection does not show.
fn believes(facts: &Facts) -> bool {
    match facts.trust {
        Trust::Shown => true,
        Trust::NewKey => facts.shown_here,
        Trust::MassLoss => false,
    }
}

/// Missing from a list is a hint, unless lists are the only reading: then two prove it, because a list may be wrong once.
/// A list that lags does not show yet what was created a moment ago, unless the vendor itself says that it is deleted:
/// then both lists begin after that.
pub(super) fn unlisted(facts: &Facts, traits: &Traits, listing: &Listing) -> Absence {
    if traits.reads_by_id {
        return Absence::Unproved;
    }
    let first = facts.first_empty.filter(|first| facts.deleted.is_none_or(|deleted| *first >= deleted));
    let visible = if facts.deleted.is_none() { visible_from(facts) } else { Timestamp::MIN };
    let second = later(first.unwrap_or(listing.begun), TWO_LOOKUPS).max(visible);
    if first.is_none() || listing.begun < second {
        // A list that lags may show it long before that.
        return Absence::Again(until(second, facts.now).min(TWO_LOOKUPS.unsigned_abs()));
    }
    if believes(facts) { Absence::Proved } else { Absence::Unproved }
}

/// Whether the mark on a recorded product is one that this object accepts (protocol, Adopt).
pub(super) fn accepted(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> bool {
    match ownership(product, facts, lives) {
        Ownership::Ours | Ownership::Unmarked => true,
        Ownership::Foreign(mark) => facts.adopted_mark.as_deref() == Some(mark.to_string().as_str()),
        Ownership::Disputed => false,
    }
}

fn present(product: Box<Observed>, facts: &Facts, traits: &Traits, lives: &dyn Fn(&str) -> bool) -> Plan {
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
        return super::create::take_over(*product, facts, traits, lives);
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

fn absent(id: &str, facts: &Facts, absence: &Absence) -> Plan {
    let proved = match absence {
        Absence::Proved => true,
        Absence::Unproved => false,
        Absence::Again(after) => return Plan::Look { after: *after },
        Absence::Contradicted => return contradicted(id, facts),
    };
    if proved && !facts.observe_only && facts.imported.is_none() {
        return Plan::Recreate { id: id.to_owned() };
    }
    let why = if facts.observe_only {
        "managementPolicy ObserveOnly creates none"
    } else if facts.imported.is_some() {
        "it was imported by spec.productId and is not created anew"
    } else if facts.trust == Trust::MassLoss {
        "so many of the account's products are missing at once that its list is not believed and none is created anew; the account's condition Ready says how to confirm that they are gone"
    } else {
        "no product that was recorded before the account's present key is visible through it, so it may be another account's; put the right key back, or follow the account's condition Ready"
    };
    Plan::wait(Reason::ProductMissing, format!("product {id} does not exist at the vendor: {why}"), SLOW)
}

/// A list that lags shows for a while what is gone. One that goes on showing it is told.
fn contradicted(id: &str, facts: &Facts) -> Plan {
    let missed = facts.first_empty.unwrap_or(facts.now);
    if facts.now < later(missed, LIST_LAG) {
        return Plan::Look { after: SOON };
    }
    let message = format!(
        "the vendor answers that product {id} does not exist, and its list shows it: nothing is done until both agree; ask the vendor if it lasts"
    );
    Plan::wait(Reason::ProductMissing, message, SLOW)
}
