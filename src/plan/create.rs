//! An object without a recorded product: create, find again, or adopt (protocol, "Create" and "Adopt").

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ledger::Ledger;
use super::search::{Found, Ownership, marked, ownership, search};
use super::{Adoption, Check, Claim, Facts, Listing, Need, Plan, SLOW, SOON, Seen, Wait};
use crate::api::Reason;
use crate::text::printable;
use crate::vendor::{Observed, Traits};

/// How long a list may plausibly lag behind a name that the vendor says is taken (protocol, Create 4).
pub(super) const LIST_LAG: SignedDuration = SignedDuration::from_secs(60);
/// Distance of two look-ups, where one is not enough (protocol, Create 3 and "Absent").
pub(super) const TWO_LOOKUPS: SignedDuration = SignedDuration::from_secs(10);
/// The last of them begins at least this long after the deadline of the unclear attempt.
pub const LATE_DELIVERY: SignedDuration = SignedDuration::from_secs(60);
/// A finished list this young answers another object's question; an object's own proofs ask for more.
const SHARED: SignedDuration = SignedDuration::from_secs(2);
/// How soon a name is asked for again that the vendor said is taken and whose owner no list shows: it may have been freed
/// a moment ago. The distance doubles while a list may lag.
const TAKEN_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// After this long a name whose owner is invisible is tried again: it may have been freed unseen.
const RETRY_TAKEN: SignedDuration = SignedDuration::from_secs(600);

/// Longest name that a message shows, in characters: longer than any vendor takes.
const NAME_SHOWN: usize = 128;

pub(super) fn need(facts: &Facts, traits: &Traits) -> Need {
    // The vendor's refusal forgives a look-up that is a moment old. Where there is none, what it could miss is
    // a foreign product younger than the list, which a list that lags would miss as well; this object has sent
    // nothing yet. Someone who asks for a check now knows of something newer.
    let forgiven = traits.refuses_taken_names || facts.ledger.is_none();
    let recent = if forgiven && facts.check != Check::Full { facts.now - SHARED } else { facts.now };
    // No list that is older than another object's create shows whether the name is free.
    let news = facts.name_news.unwrap_or(Timestamp::MIN);
    let recent = recent.max(news);
    if facts.name_busy {
        return Need::Nothing;
    }
    match (&facts.ledger, &facts.imported) {
        // What an unclear attempt left is settled before anything else, an import included.
        (Some(ledger), _) if ledger.is_unclear() => {
            Need::List { begun_after: proof_after(facts, ledger, traits).max(news) }
        }
        (_, Some(id)) if traits.reads_by_id => Need::Read { id: id.clone() },
        (_, Some(_)) => Need::List { begun_after: facts.now },
        (Some(ledger), None) => {
            Need::List { begun_after: recent.max(ledger.last_taken().unwrap_or(Timestamp::MIN)) }
        }
        // Create 3: the vendor's refusal is the first look-up, unless taking over is wished for.
        // A mark of ours that the account's list shows is looked for first: it may be under another name.
        (None, None)
            if traits.refuses_taken_names && !facts.match_name && !facts.observe_only && !facts.mark_seen =>
        {
            Need::Nothing
        }
        (None, None) => Need::List { begun_after: recent },
    }
}

/// A moment that a ledger names, and some time more. A user may have written any moment into it.
pub fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Whether one empty look-up is not enough. It is where the next attempt sends the same name to a vendor
/// that refuses it if the last one was late after all (protocol, Create 3).
fn takes_two(facts: &Facts, ledger: &Ledger, traits: &Traits) -> bool {
    let same_name = facts.imported.is_none() && ledger.name == facts.name;
    facts.deleting || !traits.refuses_taken_names || !same_name
}

/// The first of two empty look-ups. One begun before this attempt's deadline says nothing of it.
fn first_empty(facts: &Facts, ledger: &Ledger) -> Option<Timestamp> {
    facts.first_empty.filter(|first| *first >= ledger.deadline)
}

/// The begin of a list that adds to the proof that an open attempt left nothing. Before the deadline only a
/// hit counts. A hit counts while it is fresh: a list read long ago may show what is gone since.
pub(super) fn proof_after(facts: &Facts, ledger: &Ledger, traits: &Traits) -> Timestamp {
    if facts.now < ledger.deadline {
        return facts.now;
    }
    let proves = match first_empty(facts, ledger) {
        Some(first) if takes_two(facts, ledger, traits) => {
            later(first, TWO_LOOKUPS).max(later(ledger.deadline, LATE_DELIVERY)).min(facts.now)
        }
        _ => ledger.deadline,
    };
    proves.max(facts.now - SHARED)
}

/// How an open attempt that a complete list did not show stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It left nothing.
    Nothing,
    /// Not proved yet; look again after this long.
    Wait(Duration),
}

/// Time until a moment: at least a second, and no longer than a state that needs a human.
pub(super) fn until(moment: Timestamp, now: Timestamp) -> Duration {
    moment.duration_since(now).max(SignedDuration::from_secs(1)).unsigned_abs().min(SLOW)
}

/// Whether an empty complete list proves that the open attempt left nothing (protocol, Create 3).
pub(super) fn proof(facts: &Facts, ledger: &Ledger, begun: Timestamp, traits: &Traits) -> Proof {
    if begun < ledger.deadline {
        return Proof::Wait(until(ledger.deadline, facts.now));
    }
    if !takes_two(facts, ledger, traits) {
        return Proof::Nothing;
    }
    let first = first_empty(facts, ledger);
    let last = later(first.unwrap_or(begun), TWO_LOOKUPS).max(later(ledger.deadline, LATE_DELIVERY));
    if first.is_some() && begun >= last { Proof::Nothing } else { Proof::Wait(until(last, facts.now)) }
}

pub(super) fn plan(facts: &Facts, traits: &Traits, seen: Seen, lives: &dyn Fn(&str) -> bool) -> Plan {
    let plan = decide(facts, traits, seen, lives);
    // The definition lets any name pass that may be an existing product's.
    if matches!(plan, Plan::Create { .. }) && !traits.names.takes(&facts.name) {
        return Plan::wait(
            Reason::InvalidSpec,
            format!(
                "no product is named {:?}, and none can be created so: {}",
                facts.name, traits.names.message
            ),
            SLOW,
        );
    }
    plan
}

fn decide(facts: &Facts, traits: &Traits, seen: Seen, lives: &dyn Fn(&str) -> bool) -> Plan {
    if facts.name_busy {
        return Plan::wait(
            Reason::Creating,
            format!(
                "another IotProduct is creating a product named {} in the same vendor account; no action is needed until that is done, within 90s",
                facts.name
            ),
            SOON,
        );
    }
    match seen {
        Seen::Product(product) => imported(*product, Vec::new(), facts, traits, lives),
        // One answer may be wrong; a list that shows the product contradicts it.
        Seen::Absent { listing: Some(listing) } if !super::keep::agrees(facts, &listing) => {
            Plan::Look { after: SOON }
        }
        Seen::Absent { .. } => missing(facts),
        Seen::Nothing if need(facts, traits) == Need::Nothing => Plan::Create { attempt: 1 },
        Seen::Nothing => Plan::wait(
            Reason::Creating,
            format!("the vendor has not been asked for {} yet", facts.name),
            SOON,
        ),
        Seen::List(listing) => match &facts.imported {
            Some(id) => chosen(id, &listing, facts, traits, lives),
            None => listed(&listing, facts, traits, lives),
        },
    }
}

fn missing(facts: &Facts) -> Plan {
    Plan::wait(
        Reason::ProductMissing,
        format!(
            "product {} of spec.productId does not exist in this account; set productId to an existing product or remove it",
            facts.imported.as_deref().unwrap_or_default()
        ),
        SLOW,
    )
}

/// The wait for an open attempt that this list does not settle.
fn unclear(listing: &Listing, facts: &Facts, traits: &Traits) -> Option<Plan> {
    let ledger = facts.ledger.as_ref().filter(|ledger| ledger.is_unclear())?;
    match proof(facts, ledger, listing.begun, traits) {
        Proof::Nothing => None,
        Proof::Wait(after) => Some(Plan::wait(
            Reason::Creating,
            format!("the outcome of creating {} is unclear; looking for it at the vendor", ledger.name),
            after,
        )),
    }
}

/// An import that a list answers. What an earlier attempt left is surplus beside it.
fn chosen(id: &str, listing: &Listing, facts: &Facts, traits: &Traits, lives: &dyn Fn(&str) -> bool) -> Plan {
    let Some(product) = listing.products.iter().find(|product| product.id == id) else {
        return missing(facts);
    };
    let ours = marked(&listing.products, facts, lives);
    if ours.is_empty()
        && let Some(wait) = unclear(listing, facts, traits)
    {
        return wait;
    }
    let surplus = ours.into_iter().filter(|other| other.id != id).cloned().collect();
    imported(product.clone(), surplus, facts, traits, lives)
}

fn listed(listing: &Listing, facts: &Facts, traits: &Traits, lives: &dyn Fn(&str) -> bool) -> Plan {
    match search(&listing.products, facts, lives) {
        // Watching removes nothing.
        Found::Ours(product, _) if facts.observe_only => {
            Plan::Take { product, claim: Claim::Mark, surplus: Vec::new() }
        }
        Found::Ours(product, surplus) => Plan::Take { product, claim: Claim::Mark, surplus },
        Found::Named(product, owner) if facts.observe_only => named(*product, &owner, facts, traits, lives),
        Found::None if facts.observe_only => Plan::wait(
            Reason::ProductMissing,
            format!("no product named {} exists, and managementPolicy ObserveOnly creates none", facts.name),
            SLOW,
        ),
        // Every create sends our mark, so a product that lacks it does not settle an open attempt.
        found => unclear(listing, facts, traits).unwrap_or_else(|| match found {
            Found::Named(product, owner) => named(*product, &owner, facts, traits, lives),
            Found::Ours(..) | Found::None => unseen(listing, facts),
        }),
    }
}

/// Neither our mark nor the name is in the list, and no attempt is unclear.
fn unseen(listing: &Listing, facts: &Facts) -> Plan {
    let Some(ledger) = &facts.ledger else {
        return Plan::Create { attempt: 1 };
    };
    let next = Plan::Create { attempt: ledger.attempt.saturating_add(1) };
    // An edited name is another question, unless an earlier attempt of ours holds the first one.
    let same_name = ledger.name == facts.name;
    let taken = ledger.taken.filter(|_| !ledger.is_open() && same_name).or(ledger.taken_by_us());
    let Some(taken) = taken else {
        return next;
    };
    // Whoever has the name, the vendor refuses it again as long as it is taken; another one it would not refuse.
    let again = if same_name { asked_again(ledger, taken) } else { later(taken, LIST_LAG) };
    if facts.now >= again && (same_name || listing.begun >= again) {
        return next;
    }
    if listing.begun < later(taken, LIST_LAG) {
        return Plan::wait(
            Reason::Creating,
            format!("the vendor says that the name {} is taken; looking for its owner", ledger.name),
            until(again, facts.now).min(SOON),
        );
    }
    Plan::wait(
        Reason::NameConflict,
        format!(
            "the name {} is taken by a product that this key cannot see; choose another spec.name or let the key list all products; asked for again within 600s",
            facts.name
        ),
        until(again, facts.now),
    )
}

/// When a name that the vendor said is taken is asked for again (protocol, Create 4).
fn asked_again(ledger: &Ledger, taken: Timestamp) -> Timestamp {
    let last = ledger.last_taken().unwrap_or(taken);
    let shown = later(taken, LIST_LAG);
    if last >= shown {
        return later(last, RETRY_TAKEN);
    }
    later(last, last.duration_since(taken).max(TAKEN_AGAIN)).min(shown)
}

/// A product of that name exists without our mark.
fn named(
    product: Observed,
    owner: &Ownership,
    facts: &Facts,
    traits: &Traits,
    lives: &dyn Fn(&str) -> bool,
) -> Plan {
    if !facts.match_name {
        let whose = match owner {
            Ownership::Foreign(mark) => format!("belongs to another owner (mark {mark})"),
            Ownership::Disputed => "carries two marks".to_owned(),
            Ownership::Ours | Ownership::Unmarked => "does not carry the mark of this IotProduct".to_owned(),
        };
        return Plan::wait(
            Reason::NameConflict,
            format!(
                "product {} named {} exists and {whose}; choose another spec.name, or set adoptionPolicy: MatchName to take it over as far as the account's adoption allows",
                product.id, product.name
            ),
            SLOW,
        );
    }
    adopt(product, owner, Vec::new(), facts, traits, lives)
}

fn imported(
    product: Observed,
    surplus: Vec<Observed>,
    facts: &Facts,
    traits: &Traits,
    lives: &dyn Fn(&str) -> bool,
) -> Plan {
    let owner = ownership(&product, facts, lives);
    adopt(product, &owner, surplus, facts, traits, lives)
}

/// Takes an existing product over if the account allows it (protocol, Adopt).
fn adopt(
    product: Observed,
    owner: &Ownership,
    surplus: Vec<Observed>,
    facts: &Facts,
    traits: &Traits,
    lives: &dyn Fn(&str) -> bool,
) -> Plan {
    let claim = if *owner == Ownership::Ours { Claim::Mark } else { Claim::Adoption };
    if let Some(message) = refusal(&product, owner, facts, lives) {
        let holder = match owner {
            Ownership::Foreign(mark) if lives(&mark.uid_head) => Some(mark.uid_head.clone()),
            _ => None,
        };
        return Plan::Wait(Wait { reason: Reason::NameConflict, message, after: SLOW, holder });
    }
    if claim == Claim::Adoption && would_rename(&product, facts, traits) {
        return Plan::wait(Reason::InvalidSpec, misnamed(&product, facts), SLOW);
    }
    let surplus = if facts.observe_only { Vec::new() } else { surplus };
    Plan::Take { product: Box::new(product), claim, surplus }
}

/// Takes a product over that was only watched so far.
pub(super) fn take_over(
    product: Observed,
    facts: &Facts,
    traits: &Traits,
    lives: &dyn Fn(&str) -> bool,
) -> Plan {
    imported(product, Vec::new(), facts, traits, lives)
}

/// Whether taking a product over would give it another name. Nobody asked for that yet: the manifest has to have a name,
/// and one that differs may be a wrong id as well.
fn would_rename(product: &Observed, facts: &Facts, traits: &Traits) -> bool {
    let can = traits.rule("name").is_some_and(|rule| rule.mutable);
    can && facts.corrects && !facts.observe_only && product.name != facts.name
}

fn misnamed(product: &Observed, facts: &Facts) -> String {
    format!(
        "product {} is named {:?} at the vendor and spec.name is {:?}. Taking a product over does not rename it: check the id, and write the product's name as spec.name. To rename it, change spec.name when the product is Ready",
        product.id,
        printable(&product.name, NAME_SHOWN, []),
        facts.name
    )
}

/// Whether the account would let this product be taken over.
pub fn may_take(product: &Observed, facts: &Facts, lives: &dyn Fn(&str) -> bool) -> bool {
    let taking = Facts { observe_only: false, ..facts.clone() };
    let owner = ownership(product, &taking, lives);
    refusal(product, &owner, &taking, lives).is_none()
}

fn refusal(
    product: &Observed,
    owner: &Ownership,
    facts: &Facts,
    lives: &dyn Fn(&str) -> bool,
) -> Option<String> {
    match owner {
        Ownership::Ours => None,
        // Watching takes nothing away from anyone; but what is another tenant's is not shown either.
        Ownership::Unmarked | Ownership::Disputed if facts.observe_only => None,
        Ownership::Foreign(mark) if facts.observe_only && !lives(&mark.uid_head) => None,
        Ownership::Disputed => Some(format!(
            "product {} carries two marks; remove the one that is not its owner's from its description",
            product.id
        )),
        Ownership::Unmarked if facts.adoption != Adoption::None => None,
        // It may be an unclear attempt's, whose id is not recorded yet.
        Ownership::Foreign(mark) if lives(&mark.uid_head) => Some(format!(
            "product {} belongs to another IotProduct of this cluster (mark {mark}); remove one of the two manifests",
            product.id
        )),
        Ownership::Foreign(_) if facts.adoption == Adoption::Any => None,
        Ownership::Unmarked => Some(format!(
            "product {} exists and the account's adoption is None; set adoption: Unmarked on the account to allow taking it over",
            product.id
        )),
        Ownership::Foreign(mark) => Some(format!(
            "product {} belongs to another owner (mark {mark}); set adoption: Any on the account to allow taking it over",
            product.id
        )),
    }
}
