//! The promise in every interleaving of a small world; and that this would show if a rule were broken.

use super::walk::{Bounds, Rules, walk};
use super::*;

/// A vendor that refuses taken names.
const UNIQUE: Bounds = Bounds {
    unique: true,
    lag: 5,
    late: 30,
    refusals: false,
    stranger: false,
    deletes: true,
    losses: 1,
    depth: 11,
};
/// One that does not.
const SAME_NAMES: Bounds = Bounds { unique: false, lag: 25, late: 30, ..UNIQUE };
/// Nobody deletes anything, so that what breaks is creation.
const CREATING: Bounds = Bounds { deletes: false, losses: 0, ..SAME_NAMES };

#[track_caller]
fn holds(bounds: Bounds, rules: &Rules, at_least: usize) {
    match walk(bounds, rules) {
        Ok(states) => assert!(states >= at_least, "only {states} states: too little was tried"),
        Err(story) => panic!("{story}"),
    }
}

#[track_caller]
fn breaks(bounds: Bounds, rules: &Rules, breach: &str) {
    let story = walk(bounds, rules).expect_err("a broken rule goes unnoticed");
    assert!(story.starts_with(breach), "{story}");
}

#[test]
fn one_product_where_taken_names_are_refused() {
    for lag in [0, 5, 30] {
        holds(Bounds { lag, late: 0, ..UNIQUE }, &Rules::kept(&ALIBABA), 1000);
        // The refusal protects as long as the first one keeps its name.
        holds(Bounds { lag, late: 30, losses: 0, ..UNIQUE }, &Rules::kept(&ALIBABA), 1000);
    }
}

#[test]
fn one_product_where_they_are_not_as_long_as_delivery_and_lists_are_late_by_less_than_a_minute() {
    for (lag, late) in [(0, 0), (0, 60), (60, 0), (25, 30)] {
        holds(Bounds { lag, late, ..SAME_NAMES }, &Rules::kept(&HUAWEI), 1000);
    }
}

#[test]
fn beyond_a_minute_a_surplus_product_may_exist() {
    breaks(Bounds { lag: 0, late: 75, ..CREATING }, &Rules::kept(&HUAWEI), "two products");
}

#[test]
fn clear_refusals_between_the_attempts_change_nothing_while_the_vendor_is_prompt() {
    let prompt = Bounds { lag: 0, late: 0, refusals: true, ..UNIQUE };
    holds(prompt, &Rules::kept(&ALIBABA), 1000);
    holds(Bounds { unique: false, ..prompt }, &Rules::kept(&HUAWEI), 1000);
}

#[test]
fn a_name_that_is_anothers_leads_to_a_conflict_and_out_of_it() {
    holds(Bounds { stranger: true, ..UNIQUE }, &Rules::kept(&ALIBABA), 20);
    holds(Bounds { stranger: true, ..SAME_NAMES }, &Rules::kept(&HUAWEI), 20);
}

fn reopened(facts: &mut Facts, change: fn(&mut Ledger)) {
    if let Some(ledger) = facts.ledger.as_mut().filter(|ledger| ledger.is_open()) {
        change(ledger);
    }
}

#[test]
fn broken_a_list_begun_before_the_deadline_counts_as_proof() {
    let blur = |facts: &mut Facts| reopened(facts, |ledger| ledger.deadline = at(-1000));
    breaks(CREATING, &Rules { blur, ..Rules::kept(&HUAWEI) }, "two products");
}

#[test]
fn broken_the_last_look_up_comes_at_once_after_the_deadline() {
    let blur = |facts: &mut Facts| {
        reopened(facts, |ledger| ledger.deadline -= jiff::SignedDuration::from_secs(50));
    };
    breaks(CREATING, &Rules { blur, ..Rules::kept(&HUAWEI) }, "two products");
}

#[test]
fn broken_one_look_up_is_enough_at_a_vendor_that_does_not_refuse() {
    breaks(CREATING, &Rules::kept(&ALIBABA), "two products");
}

#[test]
fn broken_the_ledger_is_not_read() {
    let blur = |facts: &mut Facts| facts.ledger = None;
    let bend = |_: &Facts, plan| match plan {
        // A number that goes up, so that only the missing proof shows.
        Plan::Create { .. } => {
            Plan::Create { attempt: u32::try_from(NEXT.with(|n| n.replace(n.get() + 1))).unwrap() }
        }
        plan => plan,
    };
    thread_local!(static NEXT: std::cell::Cell<i64> = const { std::cell::Cell::new(1) });
    breaks(CREATING, &Rules { blur, bend, ..Rules::kept(&HUAWEI) }, "two products");
}

#[test]
fn broken_an_unclear_attempt_is_taken_for_refused() {
    let blur = |facts: &mut Facts| reopened(facts, |ledger| ledger.state = LedgerState::Closed);
    breaks(CREATING, &Rules { blur, ..Rules::kept(&HUAWEI) }, "two products");
    // With names refused it takes an edit, or a deletion.
    let story = walk(UNIQUE, &Rules { blur, ..Rules::kept(&ALIBABA) }).unwrap_err();
    assert!(story.contains("edited") || story.contains("deleted"), "{story}");
}

#[test]
fn broken_an_edited_name_is_created_after_one_look_up() {
    let blur = |facts: &mut Facts| {
        if let Some(ledger) = facts.ledger.as_ref().filter(|ledger| ledger.is_open()) {
            facts.name.clone_from(&ledger.name);
        }
    };
    breaks(Bounds { unique: true, ..CREATING }, &Rules { blur, ..Rules::kept(&ALIBABA) }, "two products");
}

#[test]
fn broken_our_mark_is_not_looked_for() {
    let bend = |facts: &Facts, plan| match (plan, &facts.ledger) {
        (Plan::Take { .. }, Some(ledger)) => Plan::Create { attempt: ledger.attempt + 1 },
        (plan, _) => plan,
    };
    breaks(CREATING, &Rules { bend, ..Rules::kept(&HUAWEI) }, "two products");
}

#[test]
fn broken_a_deletion_lets_go_after_its_first_look_up() {
    let bend = |facts: &Facts, plan| match plan {
        Plan::Wait(_) if facts.deleting => Plan::Gone,
        plan => plan,
    };
    for (bounds, traits) in [(UNIQUE, &ALIBABA), (SAME_NAMES, &HUAWEI)] {
        breaks(bounds, &Rules { bend, ..Rules::kept(traits) }, "a product is left over");
    }
}
