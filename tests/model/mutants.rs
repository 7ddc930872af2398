//! The protocol with one rule broken. Each must break a promise somewhere, or the model would not see the rule.

use iot_product_operator::plan::ledger::{Ledger, LedgerState};
use iot_product_operator::plan::{Facts, Need, Plan, need};
use iot_product_operator::vendor::{Traits, alibaba, huawei};
use jiff::SignedDuration;
use stateright::{Checker as _, DiscoveryClassification, HasDiscoveries, Model as _};

use crate::explore::Setting;
use crate::rules::Rules;
use crate::state::Budget;

const CREATING: Budget = Budget { faults: 1, renames: 0, deletes: 0, wrong: 1 };
const RENAMING: Budget = Budget { renames: 1, ..CREATING };
const DELETING: Budget = Budget { deletes: 1, ..CREATING };

/// The rules broken as described, at a vendor, must break one of these promises.
#[track_caller]
fn breaks(traits: &'static Traits, rules: Rules, budget: Budget, promises: &[&str]) {
    let setting = Setting::new(traits, rules, budget);
    let checker = setting.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let broken: Vec<&str> = checker
        .discoveries()
        .into_keys()
        .filter(|property| {
            matches!(checker.discovery_classification(property), DiscoveryClassification::Counterexample)
        })
        .collect();
    assert!(!broken.is_empty(), "a broken rule goes unnoticed in {} states", checker.unique_state_count());
    assert!(broken.iter().any(|property| promises.contains(property)), "{broken:?}");
}

const ONE: &str = "one product";
const FOREIGN: &str = "no foreign product is taken or deleted";
const CONVERGES: &str = "it converges once nothing goes wrong any more";
const OUTLIVES: &str = "nothing of ours outlives the object";

fn open(facts: &mut Facts, change: fn(&mut Ledger)) {
    if let Some(ledger) = facts.ledger.as_mut().filter(|ledger| ledger.is_open()) {
        change(ledger);
    }
}

fn huawei() -> Rules {
    Rules::kept(&huawei::TRAITS)
}

#[test]
fn no_look_up_after_an_unclear_create() {
    let need = |facts: &Facts, traits: &Traits| match &facts.ledger {
        Some(ledger) if ledger.is_open() && facts.recorded.is_none() => Need::Nothing,
        _ => need(facts, traits),
    };
    let bend = |facts: &Facts, plan: Plan| match (&facts.ledger, plan) {
        (Some(ledger), Plan::Wait(_)) if ledger.is_open() && facts.recorded.is_none() && !facts.deleting => {
            Plan::Create { attempt: ledger.attempt + 1 }
        }
        (_, plan) => plan,
    };
    breaks(&huawei::TRAITS, Rules { need, bend, ..huawei() }, CREATING, &[ONE]);
}

#[test]
fn no_ledger() {
    let blur = |facts: &mut Facts| facts.ledger = None;
    breaks(&huawei::TRAITS, Rules { blur, ..huawei() }, CREATING, &[ONE]);
    breaks(&alibaba::TRAITS, Rules { blur, ..Rules::kept(&alibaba::TRAITS) }, DELETING, &[OUTLIVES]);
}

#[test]
fn the_mark_is_not_checked() {
    let see = |product: &mut iot_product_operator::vendor::Observed| {
        product.description = crate::rules::ours().append_to("any");
    };
    for traits in [&huawei::TRAITS, &alibaba::TRAITS] {
        breaks(traits, Rules { see, ..Rules::kept(traits) }, DELETING, &[FOREIGN]);
    }
}

#[test]
fn the_list_began_before_the_ledger() {
    breaks(&huawei::TRAITS, Rules { old_lists: true, ..huawei() }, CREATING, &[ONE]);
}

#[test]
fn a_list_begun_before_the_deadline_counts_as_proof() {
    let blur = |facts: &mut Facts| open(facts, |ledger| ledger.deadline -= SignedDuration::from_secs(1000));
    breaks(&huawei::TRAITS, Rules { blur, ..huawei() }, CREATING, &[ONE]);
}

#[test]
fn the_last_look_up_comes_at_once_after_the_deadline() {
    let blur = |facts: &mut Facts| open(facts, |ledger| ledger.deadline -= SignedDuration::from_secs(50));
    breaks(&huawei::TRAITS, Rules { blur, ..huawei() }, CREATING, &[ONE]);
}

#[test]
fn one_look_up_is_enough_at_a_vendor_that_does_not_refuse() {
    breaks(&huawei::TRAITS, Rules::kept(&alibaba::TRAITS), CREATING, &[ONE]);
}

#[test]
fn an_unclear_attempt_is_taken_for_refused() {
    let blur = |facts: &mut Facts| open(facts, |ledger| ledger.state = LedgerState::Closed);
    breaks(&huawei::TRAITS, Rules { blur, ..huawei() }, CREATING, &[ONE]);
}

#[test]
fn our_mark_is_not_looked_for() {
    let bend = |facts: &Facts, plan: Plan| match (plan, &facts.ledger) {
        (Plan::Take { .. }, Some(ledger)) => Plan::Create { attempt: ledger.attempt + 1 },
        (plan, _) => plan,
    };
    breaks(&huawei::TRAITS, Rules { bend, ..huawei() }, CREATING, &[ONE]);
}

#[test]
fn an_edited_name_is_created_after_one_look_up() {
    let blur = |facts: &mut Facts| {
        if let Some(ledger) = facts.ledger.as_ref().filter(|ledger| ledger.is_open()) {
            facts.name.clone_from(&ledger.name);
        }
    };
    breaks(&alibaba::TRAITS, Rules { blur, ..Rules::kept(&alibaba::TRAITS) }, RENAMING, &[ONE]);
}

#[test]
fn a_deletion_lets_go_after_its_first_look_up() {
    let bend = |facts: &Facts, plan: Plan| match plan {
        Plan::Wait(_) if facts.deleting => Plan::Gone,
        plan => plan,
    };
    for traits in [&huawei::TRAITS, &alibaba::TRAITS] {
        breaks(traits, Rules { bend, ..Rules::kept(traits) }, DELETING, &[OUTLIVES]);
    }
}

#[test]
fn the_ledger_is_written_without_a_precondition() {
    breaks(&huawei::TRAITS, Rules { preconditions: false, ..huawei() }, CREATING, &[ONE]);
}

/// Found by this model: a process that was slow to record its id wrote its ledger over a later attempt's, and
/// the same number was sent twice.
#[test]
fn a_ledger_is_written_over_by_that_of_an_earlier_attempt() {
    breaks(&huawei::TRAITS, Rules { lowers: true, ..huawei() }, RENAMING, &[ONE]);
}

/// Found by this model: a process that died between the ledger and the id of a product that it had found left a
/// closed ledger, which a deletion took for the proof that there was none.
#[test]
fn the_ledger_of_a_found_product_is_closed_before_its_id_is_recorded() {
    let budget = Budget { faults: 2, ..DELETING };
    breaks(&huawei::TRAITS, Rules { claims_open: false, ..huawei() }, budget, &[OUTLIVES, CONVERGES]);
}

/// Found by this model: a list that lagged showed a product that was gone, whose absence then stood for that of the
/// one that was there.
#[test]
fn what_is_found_in_a_list_is_not_read() {
    let budget = Budget { faults: 2, ..DELETING };
    let rules = Rules { reads_found: false, ..Rules::kept(&alibaba::TRAITS) };
    breaks(&alibaba::TRAITS, rules, budget, &[OUTLIVES, CONVERGES]);
}

/// One answer of a replica that is behind: the product is given up while it is there.
#[test]
fn one_not_found_is_believed() {
    for traits in [&huawei::TRAITS, &alibaba::TRAITS] {
        let rules = Rules { one_answer: true, ..Rules::kept(traits) };
        breaks(traits, rules, DELETING, &[OUTLIVES, ONE, CONVERGES]);
    }
}
