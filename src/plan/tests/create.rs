//! Protocol, "Create": who creates at all, and what a clear answer leads to.

use super::*;

#[test]
fn create_1_never_while_an_id_is_recorded() {
    for traits in vendors() {
        let recorded = Facts { recorded: Some("p1".into()), ..facts() };
        for seen in [Seen::Nothing, list(0, []), denied(0, [])] {
            let plan = decide(&recorded, traits, seen);
            assert!(!matches!(plan, Plan::Create { .. } | Plan::Take { .. }), "{plan:?}");
        }
    }
}

#[test]
fn create_1_never_when_suspended_deleting_or_only_watching() {
    let held = [
        Facts { suspended: true, ..facts() },
        Facts { deleting: true, ..facts() },
        Facts { observe_only: true, ..facts() },
    ];
    for facts in held {
        for traits in vendors() {
            for seen in [Seen::Nothing, list(0, [])] {
                let plan = decide(&facts, traits, seen);
                assert!(!matches!(plan, Plan::Create { .. }), "{facts:?}: {plan:?}");
            }
        }
    }
}

#[test]
fn suspension_asks_for_nothing_and_says_so_also_of_a_deletion() {
    for (deleting, word) in [(false, "nothing is called"), (true, "deletion waits")] {
        let facts = Facts { suspended: true, deleting, ledger: Some(open(-60)), ..facts() };
        assert_eq!(need(&facts, &TENCENT), Need::Nothing);
        let plan = decide(&facts, &TENCENT, Seen::Nothing);
        assert!(waits(&plan, Reason::Suspended).message.contains(word));
    }
}

#[test]
fn create_3_the_refusal_is_the_first_look_up_where_names_are_refused() {
    for traits in [&TENCENT, &LEGACY, &ALIBABA] {
        assert_eq!(need(&facts(), traits), Need::Nothing);
        creates(&decide(&facts(), traits, Seen::Nothing), 1);
    }
}

#[test]
fn create_3_looks_first_where_names_are_not_refused() {
    assert_eq!(need(&facts(), &HUAWEI), Need::List { begun_after: at(-2) }, "shared by many");
    let asked = Facts { check: Check::Full, ..facts() };
    assert_eq!(need(&asked, &HUAWEI), Need::List { begun_after: at(0) });
    creates(&decide(&facts(), &HUAWEI, list(0, [])), 1);
    // A plan without that look is none.
    waits(&decide(&facts(), &HUAWEI, Seen::Nothing), Reason::Creating);
}

#[test]
fn create_3_looks_first_to_match_a_name_and_after_every_attempt() {
    let matching = Facts { match_name: true, ..facts() };
    let again = Facts { ledger: Some(open(-60).closed(None)), ..facts() };
    for facts in [matching, again] {
        for traits in vendors() {
            let Need::List { begun_after } = need(&facts, traits) else { panic!("{facts:?} needs a list") };
            assert!(begun_after >= at(-2) && begun_after <= at(0));
            waits(&decide(&facts, traits, Seen::Nothing), Reason::Creating);
        }
    }
}

#[test]
fn create_3_where_names_are_not_refused_no_proof_rests_on_an_older_list() {
    let again = Facts { ledger: Some(open(-1).closed(None)), ..facts() };
    assert_eq!(need(&again, &HUAWEI), Need::List { begun_after: at(0) });
}

#[test]
fn create_3_our_mark_is_found_under_any_name() {
    for mark in [ours(), former()] {
        let seen = list(0, [product("p1", "renamed", Some(&mark)), product("p2", "thermostat", None)]);
        let facts = Facts { ledger: Some(open(-60).closed(None)), ..facts() };
        assert_eq!(takes(&decide(&facts, &TENCENT, seen), Claim::Mark), ("p1", vec![]));
    }
}

#[test]
fn create_3_the_mark_of_an_object_that_lives_is_not_ours() {
    let seen = list(0, [product("p1", "thermostat", Some(&former()))]);
    let facts = Facts { ledger: Some(open(-60).closed(None)), ..facts() };
    let plan = plan(&facts, &TENCENT, seen, &|head| FORMER_UID.starts_with(head));
    waits(&plan, Reason::NameConflict);
}

#[test]
fn create_3_of_two_with_our_mark_the_oldest_is_kept() {
    let aged = |id: &str, created: Option<i64>| Observed {
        created_at: created,
        ..product(id, "thermostat", Some(&ours()))
    };
    let products = [aged("young", Some(30)), aged("ageless", None), aged("old", Some(10))];
    for turn in 0..products.len() {
        let mut products = products.to_vec();
        products.rotate_left(turn);
        let facts = Facts { ledger: Some(open(-60)), ..facts() };
        let plan = decide(&facts, &HUAWEI, list(0, products));
        assert_eq!(takes(&plan, Claim::Mark), ("old", vec!["young", "ageless"]));
    }
}

#[test]
fn create_3_who_only_watches_takes_but_removes_no_surplus() {
    let watching = Facts { observe_only: true, ..facts() };
    let two = [product("p1", "a", Some(&ours())), product("p2", "b", Some(&ours()))];
    assert_eq!(takes(&decide(&watching, &TENCENT, list(0, two.clone())), Claim::Mark), ("p1", vec![]));
    let importing = Facts { imported: Some("p2".into()), ledger: Some(open(-60)), ..watching };
    assert_eq!(takes(&decide(&importing, &TENCENT, list(0, two)), Claim::Mark), ("p2", vec![]));
}

#[test]
fn create_3_a_name_of_another_or_of_nobody_is_a_conflict() {
    let disputed =
        Observed { description: format!("{} {}", ours(), foreign()), ..product("p1", "thermostat", None) };
    let others = [product("p1", "thermostat", Some(&foreign())), product("p1", "thermostat", None), disputed];
    for other in others {
        for traits in vendors() {
            for adoption in [Adoption::None, Adoption::Unmarked, Adoption::Any] {
                let facts = Facts { adoption, ledger: Some(open(-90).closed(Some(at(-80)))), ..facts() };
                let plan = decide(&facts, traits, list(0, [other.clone()]));
                assert!(waits(&plan, Reason::NameConflict).message.contains("p1"));
            }
        }
    }
}

/// Every refusal of a name that nobody is seen to have, and what is shown between them: the moments at which it is asked for
/// again within so many seconds.
fn asked_for_again(traits: &Traits, until: i64) -> Vec<i64> {
    let mut ledger = open(20).closed_as_taken(None, at(0));
    let mut asked = Vec::new();
    for now in 1..=until {
        let facts = Facts { now: at(now), ledger: Some(ledger.clone()), ..facts() };
        assert_eq!(
            need(&facts, traits),
            Need::List { begun_after: at(now - 2).max(ledger.last_taken().unwrap()) }
        );
        match decide(&facts, traits, list(now, [])) {
            Plan::Create { attempt } => {
                assert_eq!(attempt, ledger.attempt + 1);
                asked.push(now);
                let next = Ledger { attempt, state: LedgerState::Open, ..ledger.clone() };
                ledger = next.closed_as_taken(Some(&ledger), at(now));
            }
            plan if now < 60 => assert!(waits(&plan, Reason::Creating).after <= Duration::from_secs(5)),
            plan => {
                let wait = waits(&plan, Reason::NameConflict);
                assert!(wait.message.contains("cannot see") && wait.message.contains("600s"));
            }
        }
    }
    assert_eq!(ledger.taken_by_us(), None, "the first attempt was told so");
    asked
}

#[test]
fn create_4_a_taken_name_is_asked_for_again_while_a_list_may_lag_and_then_seldom() {
    for traits in [&TENCENT, &LEGACY, &ALIBABA] {
        assert_eq!(asked_for_again(traits, 1_300), [5, 10, 20, 40, 60, 660, 1260]);
    }
}

#[test]
fn create_4_a_name_that_was_freed_is_created_at_once() {
    let seen = Facts { now: at(1), ledger: Some(open(20).closed(None)), ..facts() };
    creates(&decide(&seen, &TENCENT, list(1, [])), 2);
}

#[test]
fn create_4_a_closed_ledgers_name_is_forgotten_with_an_edit() {
    let edited =
        Facts { name: "edited".into(), now: at(11), ledger: Some(open(20).closed(Some(at(10)))), ..facts() };
    for traits in vendors() {
        let others = [product("p1", "thermostat", Some(&foreign()))];
        creates(&decide(&edited, traits, list(11, others)), 2);
    }
}

#[test]
fn create_4_after_an_edit_the_name_may_still_be_held_by_an_earlier_attempt() {
    let edited = |now| Facts {
        name: "edited".into(),
        now: at(now),
        ledger: Some(Ledger { attempt: 2, ..open(20).closed(Some(at(10))) }),
        ..facts()
    };
    for traits in vendors() {
        waits(&decide(&edited(69), traits, list(69, [])), Reason::Creating);
        creates(&decide(&edited(70), traits, list(70, [])), 3);
    }
}

#[test]
fn create_4_a_clear_refusal_leads_to_the_next_attempt() {
    let refused = Facts { ledger: Some(Ledger { attempt: 7, ..open(-5).closed(None) }), ..facts() };
    for traits in vendors() {
        creates(&decide(&refused, traits, list(0, [])), 8);
    }
}

/// The definition lets such a name pass where it may be an existing product's.
#[test]
fn create_4_a_name_that_the_vendor_does_not_take_is_not_sent() {
    let named = |facts: Facts| Facts { name: "plc (2F)".into(), ..facts };
    let first = named(facts());
    assert!(
        waits(&decide(&first, &TENCENT, Seen::Nothing), Reason::InvalidSpec)
            .message
            .contains("spec.productId")
    );
    waits(&decide(&first, &HUAWEI, list(0, [])), Reason::InvalidSpec);
    let matching = named(Facts { match_name: true, ..facts() });
    waits(&decide(&matching, &TENCENT, list(0, [])), Reason::InvalidSpec);
    let there = product("p1", "plc (2F)", None);
    assert_eq!(takes(&decide(&matching, &TENCENT, list(0, [there])), Claim::Adoption).0, "p1");
    let again = named(Facts { ledger: Some(open(-90).closed(None)), ..facts() });
    waits(&decide(&again, &TENCENT, list(0, [])), Reason::InvalidSpec);
}
