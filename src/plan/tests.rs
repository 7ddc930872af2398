//! The rules of the protocol, a test each and named after the rule; then properties of any facts and any
//! sight. Every interleaving of a small world is explored by `tests/model`.

mod adopt;
mod create;
mod delete;
mod keep;
mod properties;
mod unclear;
mod unseen;
mod wish;

use std::collections::BTreeMap;

use super::ledger::LedgerState;
use super::*;
use crate::vendor::{Field, Rule, Value};

const UID: &str = "0a1b2c3d-0000-4000-8000-000000000000";
const FORMER_UID: &str = "f0f0f0f0-0000-4000-8000-000000000000";

const fn rule(field: Field, mutable: bool, listed: bool) -> Rule {
    Rule { field, mutable, listed, only_with: None }
}

const RULES: &[Rule] = &[
    rule("name", true, true),
    rule("description", true, true),
    rule("encryption", false, true),
    rule("enabled", true, true),
    rule("dynamicRegistration.mode", true, true),
    Rule {
        only_with: Some(("dynamicRegistration.mode", "AutoCreate")),
        ..rule("dynamicRegistration.limit", true, false)
    },
    rule("alibaba.tags", true, true),
];

const fn traits(refuses_taken_names: bool, can_remark: bool, reads_by_id: bool) -> Traits {
    Traits {
        refuses_taken_names,
        can_remark,
        reads_by_id,
        description_units: 40,
        delete_checks_devices: false,
        sets_password: false,
        names: &crate::api::product::names::HUAWEI,
        rules: RULES,
    }
}

/// The four vendors of the protocol's table.
static TENCENT: Traits = traits(true, false, true);
static LEGACY: Traits = traits(true, false, false);
static ALIBABA: Traits = traits(true, true, true);
static HUAWEI: Traits = traits(false, true, true);

fn vendors() -> [&'static Traits; 4] {
    [&TENCENT, &LEGACY, &ALIBABA, &HUAWEI]
}

/// Seconds after some moment.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn ours() -> Mark {
    Mark::of("owner", "factory", "thermostat", UID)
}

/// Of an object of the same owner, namespace and name with another UID.
fn former() -> Mark {
    Mark::of("owner", "factory", "thermostat", FORMER_UID)
}

fn foreign() -> Mark {
    Mark::of("other", "factory", "thermostat", "99999999-0000-4000-8000-000000000000")
}

/// An object that nothing is known of, at second 0.
pub(super) fn facts() -> Facts {
    Facts {
        mark: ours(),
        deleting: false,
        suspended: false,
        finalizer: true,
        observe_only: false,
        corrects: true,
        retain: false,
        match_name: false,
        adoption: Adoption::Unmarked,
        name: "thermostat".into(),
        recorded: None,
        serial: None,
        imported: None,
        origin: Some(Origin::Created),
        admitted: true,
        adopted_mark: None,
        ledger: None,
        first_empty: None,
        shown_here: false,
        trust: Trust::Shown,
        mark_seen: false,
        rival: None,
        name_busy: false,
        name_news: None,
        deleted: None,
        check: Check::Rest,
        force_forget: false,
        now: at(0),
    }
}

/// Attempt 1, as the annotation has it, with this deadline.
fn open(deadline: i64) -> Ledger {
    Ledger {
        uid: UID.into(),
        connection: "c".into(),
        name: "thermostat".into(),
        attempt: 1,
        deadline: at(deadline),
        state: LedgerState::Open,
        taken: None,
        again: None,
    }
}

fn product(id: &str, name: &str, mark: Option<&Mark>) -> Observed {
    Observed {
        id: id.into(),
        name: name.into(),
        description: mark.map_or_else(|| "a text".into(), |mark| mark.append_to("a text")),
        fields: BTreeMap::new(),
        secret: None,
        created_at: None,
        serial: None,
        full: false,
    }
}

fn read(product: Observed) -> Seen {
    Seen::Product(Box::new(product))
}

/// The vendor's exact not-found, and a list of these products.
fn denied(begun: i64, products: impl IntoIterator<Item = Observed>) -> Seen {
    Seen::Absent { listing: Some(Listing { begun: at(begun), products: products.into_iter().collect() }) }
}

fn list(begun: i64, products: impl IntoIterator<Item = Observed>) -> Seen {
    Seen::List(Listing { begun: at(begun), products: products.into_iter().collect() })
}

/// Decides in a cluster where no other object lives.
fn decide(facts: &Facts, traits: &Traits, seen: Seen) -> Plan {
    plan(facts, traits, seen, &|_| false)
}

#[track_caller]
fn waits(plan: &Plan, reason: Reason) -> &Wait {
    match plan {
        Plan::Wait(wait) if wait.reason == reason => wait,
        other => panic!("a wait for {reason:?} is due, not {other:?}"),
    }
}

#[track_caller]
fn creates(plan: &Plan, attempt: u32) {
    assert!(matches!(plan, Plan::Create { attempt: n } if *n == attempt), "{plan:?}");
}

/// The taken product and the surplus.
#[track_caller]
fn takes(plan: &Plan, by: Claim) -> (&str, Vec<&str>) {
    match plan {
        Plan::Take { product, claim, surplus } if *claim == by => {
            (&product.id, surplus.iter().map(|p| p.id.as_str()).collect())
        }
        other => panic!("a claim by {by:?} is due, not {other:?}"),
    }
}
