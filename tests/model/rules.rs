//! The decision as the product makes it, and the same with a rule broken.

use std::sync::Arc;

use iot_product_operator::api::{Adoption, Origin};
use iot_product_operator::plan::ledger::{Again, Ledger, LedgerState};
use iot_product_operator::plan::lookups::{Lookups, Sought};
use iot_product_operator::plan::mark::Mark;
use iot_product_operator::plan::search::{Found, search};
use iot_product_operator::plan::{Check, Facts, Listing, Need, Plan, Seen, Trust, need, plan};
use iot_product_operator::vendor::{Observed, Traits};
use jiff::{SignedDuration, Timestamp};

use crate::state::{Controller, Entry, Maker, Marked, Object, State, TICK_SECONDS, Thing, Tick};

const UID: &str = "0a1b2c3d-0000-4000-8000-000000000000";
/// Names that the user and strangers give.
const NAMES: [&str; 2] = ["thermostat", "edited"];

/// What is asked for a decision, and how the pipeline around it keeps the protocol.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// What the plan believes of the vendor.
    pub(crate) believes: &'static Traits,
    pub(crate) blur: fn(&mut Facts),
    pub(crate) need: fn(&Facts, &Traits) -> Need,
    pub(crate) see: fn(&mut Observed),
    pub(crate) bend: fn(&Facts, Plan) -> Plan,
    /// The ledger patch holds only for the object as it was read (protocol, Create 2).
    pub(crate) preconditions: bool,
    /// The record of an id tests the ledger and the absence of another id (protocol, Create 5).
    pub(crate) tests: bool,
    /// A ledger is written over by that of an earlier attempt.
    pub(crate) lowers: bool,
    /// A list answers however early it began.
    pub(crate) old_lists: bool,
    /// The ledger of a found product stays open until its id is recorded.
    pub(crate) claims_open: bool,
    /// What is found in a list is read by its id before it settles anything (protocol, Create 3 and Delete 2).
    pub(crate) reads_found: bool,
    /// The vendor's not-found is believed without a list that agrees (protocol, "Absent").
    pub(crate) one_answer: bool,
    /// `adoptionPolicy: MatchName`.
    pub(crate) adopts: bool,
}

impl Rules {
    /// The rules as they are.
    pub(crate) fn kept(believes: &'static Traits) -> Self {
        Self {
            believes,
            blur: |_| {},
            need,
            see: |_| {},
            bend: |_, plan| plan,
            preconditions: true,
            tests: true,
            lowers: false,
            old_lists: false,
            claims_open: true,
            reads_found: believes.reads_by_id,
            one_answer: false,
            adopts: false,
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a moment")
}

fn at(tick: Tick) -> Timestamp {
    now() + SignedDuration::from_secs(i64::from(tick) * TICK_SECONDS)
}

pub(crate) fn ours() -> Mark {
    Mark::of("owner", "factory", "thermostat", UID)
}

fn foreign() -> Mark {
    Mark::of("other", "factory", "thermostat", "99999999-0000-4000-8000-000000000000")
}

fn ledger(entry: Entry) -> Ledger {
    Ledger {
        uid: UID.into(),
        connection: "c".into(),
        name: NAMES[usize::from(entry.name)].into(),
        attempt: entry.attempt.into(),
        deadline: at(entry.deadline),
        state: if entry.open { LedgerState::Open } else { LedgerState::Closed },
        taken: entry.taken.map(at),
        again: entry.again.map(|(since, last)| Again { since: since.into(), last: at(last) }),
    }
}

/// What a process looks for.
fn sought(object: &Object, memory: &Controller) -> (Option<u8>, u8) {
    let attempt = memory.ledger.map_or(0, |entry| entry.attempt);
    (object.recorded, if object.recorded.is_some() { 0 } else { attempt })
}

fn named((recorded, attempt): (Option<u8>, u8)) -> Sought {
    Sought::of(recorded.map(|id| id.to_string()).as_deref(), Some(attempt.into()), "c")
}

/// What a process remembers of its look-ups, as the product keeps it.
fn lookups(memory: &Controller) -> Lookups {
    let (missed, deleted) = (memory.first_empty.map(at), memory.deleted.map(at));
    Lookups { sought: memory.sought.map(named), missed, deleted }
}

fn remember(memory: &mut Controller, lookups: Lookups, sought: (Option<u8>, u8)) {
    let tick =
        |at: Timestamp| Tick::try_from(at.duration_since(now()).as_secs() / TICK_SECONDS).expect("a tick");
    memory.first_empty = lookups.missed.map(tick);
    memory.deleted = lookups.deleted.map(tick);
    memory.sought = match lookups.sought {
        Some(about) if about == named(sought) => Some(sought),
        Some(_) => memory.sought,
        None => None,
    };
}

/// The vendor said that it deleted the recorded product.
pub(crate) fn deleted(object: &Object, memory: &mut Controller) {
    let (sought, mut known) = (sought(object, memory), lookups(memory));
    known.delete(named(sought), now());
    remember(memory, known, sought);
}

fn observed(thing: &Thing, rules: &Rules) -> Observed {
    let text = "a text";
    let mut product = Observed {
        id: thing.id.to_string(),
        name: NAMES[usize::from(thing.name)].into(),
        description: match thing.marked {
            Marked::Ours => ours().append_to(text),
            Marked::Foreign => foreign().append_to(text),
            Marked::Plain => text.into(),
        },
        serial: None,
        fields: std::collections::BTreeMap::new(),
        secret: None,
        created_at: None,
        full: true,
    };
    (rules.see)(&mut product);
    product
}

/// The ledger as a process knows it: `Visit::ledger`.
fn know(object: &Object, memory: &mut Controller) {
    let written = object.ledger.map(|entry| entry.attempt);
    let known = memory.ledger.map(|entry| entry.attempt);
    if written > known && written >= Some(object.attempt) {
        memory.ledger = object.ledger;
    } else if known.unwrap_or(0) < object.attempt {
        let name = object.name;
        memory.ledger =
            Some(Entry { attempt: object.attempt, name, deadline: 2, open: true, taken: None, again: None });
    }
}

/// The same as it stands: an attempt that led to a recorded id is settled, also when that product is gone since.
pub(crate) fn standing(object: &Object, memory: &Controller) -> Option<Entry> {
    memory.ledger.map(|known| {
        let led = object.ledger == Some(known) && known.attempt == object.attempt;
        if known.open && led { Entry { open: false, taken: None, again: None, ..known } } else { known }
    })
}

fn facts(object: &Object, memory: &Controller, rules: &Rules) -> Facts {
    let mut facts = Facts {
        mark: ours(),
        deleting: object.deleting,
        suspended: false,
        finalizer: object.finalizer,
        observe_only: false,
        corrects: true,
        retain: false,
        match_name: rules.adopts,
        adoption: Adoption::Unmarked,
        name: NAMES[usize::from(object.name)].into(),
        recorded: object.recorded.map(|id| id.to_string()),
        serial: None,
        imported: None,
        origin: Some(Origin::Created),
        admitted: true,
        adopted_mark: None,
        ledger: standing(object, memory).map(ledger),
        first_empty: lookups(memory).missed(named(sought(object, memory))),
        shown_here: true,
        trust: Trust::Shown,
        mark_seen: false,
        name_busy: false,
        name_news: None,
        rival: None,
        deleted: lookups(memory).deleted(named(sought(object, memory))),
        check: Check::Full,
        force_forget: false,
        now: now(),
    };
    (rules.blur)(&mut facts);
    facts
}

/// Whether a list may still differ from what is there.
pub(crate) fn list_may_lag(state: &State, lag: Tick) -> bool {
    lag > 0 && state.things.iter().any(|t| t.born > -lag || t.removed.is_some_and(|removed| removed > -lag))
}

/// Looks and decides. Notes in memory what the look told: `note` of `src/controller/observe.rs`.
///
/// The object is read and the list begun in one step. What happens between the two makes the step that follows
/// fail by its precondition, or is seen by the list as if it had happened before.
pub(crate) fn decide(
    state: &State,
    object: &Object,
    memory: &mut Controller,
    rules: &Rules,
    lag: Option<Tick>,
    wrong: bool,
) -> Plan {
    know(object, memory);
    let facts = facts(object, memory, rules);
    let list = || {
        let shown = listed(state, lag, rules);
        let products: Arc<[Observed]> = shown.into_iter().map(|thing| observed(thing, rules)).collect();
        Listing { begun: now(), products }
    };
    let (about, mut known) = (sought(object, memory), lookups(memory));
    let seen = match (rules.need)(&facts, rules.believes) {
        Need::Nothing => Seen::Nothing,
        Need::Known { id } | Need::Read { id } => {
            if let Some(thing) = id.parse().ok().and_then(|id| state.thing(id)).filter(|_| !wrong) {
                known.shown(now());
                Seen::Product(Box::new(observed(thing, rules)))
            } else {
                known.not_shown(named(about), &facts, now());
                let unseen = Listing { begun: now(), products: Arc::from(Vec::new()) };
                Seen::Absent { listing: Some(if rules.one_answer { unseen } else { list() }) }
            }
        }
        Need::List { .. } => {
            let listing = list();
            note(&listing, &facts, memory, about, &mut known);
            Seen::List(listing)
        }
    };
    remember(memory, known, about);
    let plan = plan(&facts, rules.believes, seen, &|_| false);
    (rules.bend)(&facts, plan)
}

fn listed<'a>(state: &'a State, lag: Option<Tick>, rules: &Rules) -> Vec<&'a Thing> {
    let shown = |thing: &&Thing| match lag {
        None => thing.removed.is_none(),
        // Nothing of ours was there.
        Some(_) if rules.old_lists => thing.maker == Maker::Stranger,
        Some(lag) => thing.born <= -lag && thing.removed.is_none_or(|removed| removed > -lag),
    };
    state.things.iter().filter(shown).collect()
}

fn note(
    listing: &Listing,
    facts: &Facts,
    memory: &mut Controller,
    about: (Option<u8>, u8),
    known: &mut Lookups,
) {
    let found = search(&listing.products, facts, &|_| false);
    if let (Found::Named(..), Some(closed)) = (&found, memory.ledger.as_mut().filter(|entry| !entry.open)) {
        (closed.taken, closed.again) = (None, None);
    }
    let shown = match &facts.recorded {
        Some(id) => listing.products.iter().any(|product| product.id == *id),
        None => matches!(found, Found::Ours(..)),
    };
    if shown { known.shown(listing.begun) } else { known.not_shown(named(about), facts, listing.begun) }
}
