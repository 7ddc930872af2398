//! An object that is being deleted (protocol, "Delete").

use std::time::Duration;

use super::create::{LIST_LAG, Proof, later, proof, proof_after, until};
use super::keep::{Absence, denied, unlisted};
use super::ledger::Ledger;
use super::origin::{Origin, may_delete};
use super::search::{Found, search};
use super::{Facts, Listing, Need, Plan, SLOW, SOON, SecretFate, Seen, Trust};
use crate::api::Reason;
use crate::vendor::{Observed, Traits};

pub(super) fn need(facts: &Facts, traits: &Traits) -> Need {
    let forgets = facts.force_forget || facts.retain || watches(facts) || facts.rival.is_some();
    if !facts.finalizer || forgets {
        return Need::Nothing;
    }
    match (&facts.recorded, &facts.ledger) {
        (Some(id), _) if traits.reads_by_id => Need::Read { id: id.clone() },
        (Some(_), _) => Need::List { begun_after: facts.now },
        // Delete 2: an open ledger is settled by look-ups.
        (None, Some(ledger)) if ledger.is_unclear() => {
            Need::List { begun_after: proof_after(facts, ledger, traits) }
        }
        // Nor is it settled when its name was taken, perhaps by an attempt before it.
        (None, Some(ledger)) if ledger.taken_by_us().is_some() => Need::List { begun_after: facts.now },
        (None, _) => Need::Nothing,
    }
}

/// What is only watched, or was until now and is not taken over yet, is nobody's here to delete.
fn watches(facts: &Facts) -> bool {
    facts.observe_only || facts.origin == Some(Origin::Watched)
}

pub(super) fn plan(facts: &Facts, traits: &Traits, seen: Seen, lives: &dyn Fn(&str) -> bool) -> Plan {
    if !facts.finalizer {
        return Plan::Done;
    }
    if facts.force_forget {
        return Plan::Forget { secret: SecretFate::Stays, remains: Some(remains(facts)) };
    }
    if facts.retain {
        let unsettled = facts.recorded.is_none() && facts.ledger.as_ref().is_some_and(Ledger::is_unclear);
        return Plan::Forget { secret: SecretFate::Stays, remains: unsettled.then(|| remains(facts)) };
    }
    if watches(facts) {
        // A password that was set here is in the Secret alone, and the product lives on with it.
        let owns = facts.recorded.is_some() && facts.origin != Some(Origin::Watched);
        let only_copy = traits.sets_password && owns;
        let secret = if only_copy { SecretFate::Stays } else { SecretFate::Goes };
        return Plan::Forget { secret, remains: None };
    }
    // What an older object records is not this one's to delete (protocol, Adopt). Nor is the Secret, which was there
    // before the other was known and may be the only copy of a password.
    if facts.rival.is_some() {
        return Plan::Forget { secret: SecretFate::Stays, remains: None };
    }
    match (&facts.recorded, seen) {
        (Some(_), Seen::Product(product)) => {
            // An owner that finds another's mark deletes nothing (protocol, Adopt).
            if may_delete(&product, facts, lives) {
                Plan::Delete { product }
            } else {
                left(&product, facts, lives)
            }
        }
        (Some(id), Seen::List(listing)) => match listing.products.iter().find(|p| p.id == *id) {
            // Lists run behind the vendor's answers.
            Some(_) if facts.deleted.is_some_and(|deleted| listing.begun < later(deleted, LIST_LAG)) => {
                Plan::wait(
                    Reason::Deleting,
                    format!("product {id} was deleted and the vendor's list still shows it"),
                    SOON,
                )
            }
            Some(product) if may_delete(product, facts, lives) => {
                Plan::Delete { product: Box::new(product.clone()) }
            }
            Some(product) => left(product, facts, lives),
            None => missing(id, facts, &unlisted(facts, traits, &listing)),
        },
        (Some(id), Seen::Absent { listing }) => missing(id, facts, &denied(id, facts, listing.as_ref())),
        (None, Seen::List(listing)) => match search(&listing.products, facts, lives) {
            Found::Ours(product, _) => Plan::DeleteFound { product },
            // What carries the name without our mark was never ours: every create sends the mark.
            Found::Named(..) | Found::None => settled(facts, &listing, traits),
        },
        // Delete 1: no id, and a ledger that leaves no doubt that nothing was created: no vendor call.
        (None, Seen::Nothing) if need(facts, traits) == Need::Nothing => Plan::Gone,
        (None, _) => unclear(facts, SOON),
        (Some(_), Seen::Nothing) => Plan::Done,
    }
}

/// A product that this object may not delete. Where only the account's leave is missing, the deletion waits for it.
fn left(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> Plan {
    let admitted = Facts { admitted: true, ..facts.clone() };
    if !facts.admitted && may_delete(product, &admitted, lives) {
        let message = format!(
            "the account does not admit this namespace any more, and product {} does not show by its mark that it is this IotProduct's: add the namespace to the account's allowedNamespaces again, or, to leave the product at the vendor, set deletionPolicy: Retain",
            product.id
        );
        return Plan::wait(Reason::AccountNotAllowed, message, SLOW);
    }
    Plan::Forget { secret: SecretFate::Stays, remains: Some(remains(facts)) }
}

/// Whether an attempt is proved to have left nothing. An open one takes two complete look-ups at every vendor,
/// because nothing would find a product that appears after the object is gone (protocol, Delete 2). One that
/// was told that its name is taken takes a list that shows by whom, or that is late enough to show it.
fn settled(facts: &Facts, listing: &Listing, traits: &Traits) -> Plan {
    let Some(ledger) = &facts.ledger else {
        return Plan::Gone;
    };
    if ledger.is_unclear() {
        return match proof(facts, ledger, listing.begun, traits) {
            Proof::Nothing => Plan::Gone,
            Proof::Wait(after) => unclear(facts, after),
        };
    }
    match ledger.taken_by_us().map(|taken| later(taken, LIST_LAG)) {
        Some(late) if listing.begun < late && !listing.products.iter().any(|p| p.name == ledger.name) => {
            unclear(facts, until(late, facts.now))
        }
        _ => Plan::Gone,
    }
}

fn unclear(facts: &Facts, after: Duration) -> Plan {
    let name = facts.ledger.as_ref().map_or(&facts.name, |ledger| &ledger.name);
    let message = format!("the outcome of creating {name} is unclear; looking for it before letting go");
    Plan::wait(Reason::Deleting, message, after)
}

/// A recorded product that a look did not show.
fn missing(id: &str, facts: &Facts, absence: &Absence) -> Plan {
    match absence {
        Absence::Proved => Plan::Gone,
        Absence::Unproved => unproved(id, facts.trust),
        Absence::Again(after) => Plan::wait(
            Reason::Deleting,
            format!("the vendor does not show product {id}; a second look is to confirm it"),
            *after,
        ),
        Absence::Contradicted => Plan::wait(
            Reason::Deleting,
            format!(
                "the vendor answers that product {id} does not exist, and its list shows it; looked at again until both agree"
            ),
            SOON,
        ),
    }
}

fn unproved(id: &str, trust: Trust) -> Plan {
    let why = match trust {
        Trust::MassLoss => {
            "and so many others of the account are missing at once that its list is not believed; the account's condition Ready says how to confirm that they are gone. To let go without that"
        }
        Trust::NewKey | Trust::Shown => {
            "and no product that was recorded before the account's present key is either, so the key may belong to another account: put the right key back, or follow the account's condition Ready. To let go without that"
        }
    };
    let ways = format!("set deletionPolicy: Retain, or annotate iot-products.io/force-forget={id}");
    Plan::wait(Reason::ProductMissing, format!("product {id} is not visible, {why}: {ways}"), SLOW)
}

fn remains(facts: &Facts) -> String {
    match (&facts.recorded, &facts.ledger) {
        (Some(id), _) => format!("product {id} may remain at the vendor"),
        (None, Some(ledger)) => format!("a product named {} may remain at the vendor", ledger.name),
        (None, None) => "nothing was created".to_owned(),
    }
}
