//! Protocol, "Create" 3, while a ledger is open: only our mark and the attempt's own name count, and nothing
//! is sent before it is proved that the attempt left nothing.

use super::*;

fn unclear(deadline: i64, now: i64) -> Facts {
    Facts { ledger: Some(open(deadline)), now: at(now), ..facts() }
}

/// At how many seconds after the deadline a sequence of empty look-ups, each as soon as it is asked for, ends
/// in a creation.
fn created_after(mut facts: Facts, traits: &Traits) -> i64 {
    for _ in 0..20 {
        let Need::List { begun_after } = need(&facts, traits) else { panic!("an open ledger needs a list") };
        assert!(begun_after <= facts.now);
        let plan = decide(&facts, traits, Seen::List(Listing { begun: facts.now, products: [].into() }));
        let deadline = facts.ledger.as_ref().unwrap().deadline;
        if facts.now >= deadline {
            facts.first_empty.get_or_insert(facts.now);
        }
        match plan {
            Plan::Wait(wait) => facts.now += wait.after,
            Plan::Create { attempt: 2 } => return facts.now.duration_since(deadline).as_secs(),
            other => panic!("{other:?}"),
        }
    }
    panic!("it never ends")
}

#[test]
fn a_list_begun_before_the_deadline_proves_nothing() {
    for traits in vendors() {
        // Although it is read after it.
        let plan = decide(&unclear(10, 11), traits, list(9, []));
        waits(&plan, Reason::Creating);
    }
}

#[test]
fn before_the_deadline_a_hit_counts() {
    for traits in vendors() {
        assert_eq!(need(&unclear(10, 5), traits), Need::List { begun_after: at(5) });
        let seen = list(5, [product("p1", "thermostat", Some(&ours()))]);
        assert_eq!(takes(&decide(&unclear(10, 5), traits, seen), Claim::Mark).0, "p1");
    }
}

#[test]
fn one_look_up_after_the_deadline_is_enough_where_names_are_refused() {
    for traits in [&TENCENT, &LEGACY, &ALIBABA] {
        creates(&decide(&unclear(10, 10), traits, list(10, [])), 2);
        assert_eq!(created_after(unclear(10, 0), traits), 0);
    }
}

#[test]
fn two_look_ups_10_s_apart_the_last_60_s_after_the_deadline_where_they_are_not() {
    assert_eq!(created_after(unclear(10, 0), &HUAWEI), 60);
    assert_eq!(created_after(unclear(10, 65), &HUAWEI), 65);
    assert_eq!(created_after(unclear(10, 500), &HUAWEI), 500);
    let second = |first: i64, now: i64| {
        decide(&Facts { first_empty: Some(at(first)), ..unclear(10, now) }, &HUAWEI, list(now, []))
    };
    waits(&second(10, 69), Reason::Creating);
    creates(&second(10, 70), 2);
    waits(&second(65, 74), Reason::Creating);
    creates(&second(65, 75), 2);
}

#[test]
fn a_look_up_of_an_earlier_attempt_is_not_the_first_of_two() {
    let facts = Facts { first_empty: Some(at(-100)), ..unclear(10, 75) };
    waits(&decide(&facts, &HUAWEI, list(75, [])), Reason::Creating);
}

#[test]
fn two_are_needed_where_the_next_attempt_sends_another_name() {
    // The vendor would refuse the first name if it came late, not the second.
    let edited = Facts { name: "edited".into(), ..unclear(10, 10) };
    for traits in vendors() {
        waits(&decide(&edited, traits, list(10, [])), Reason::Creating);
        assert_eq!(created_after(Facts { now: at(0), ..edited.clone() }, traits), 60);
    }
}

#[test]
fn a_look_up_is_fresh_however_long_ago_the_deadline_was() {
    for traits in vendors() {
        let Need::List { begun_after } = need(&unclear(10, 5000), traits) else { panic!("no list") };
        assert!(begun_after >= at(4998), "an old list may show what is gone");
    }
}

#[test]
fn the_name_of_another_under_an_open_ledger_is_a_conflict_once_it_is_settled() {
    for traits in vendors() {
        let settled = Facts { first_empty: Some(at(10)), ..unclear(10, 70) };
        for mark in [None, Some(foreign())] {
            let other = product("p1", "thermostat", mark.as_ref());
            let early = decide(&unclear(10, 5), traits, list(5, [other.clone()]));
            waits(&early, Reason::Creating);
            waits(&decide(&settled, traits, list(70, [other])), Reason::NameConflict);
        }
    }
}

#[test]
fn the_way_out_of_that_conflict_works() {
    let edited = Facts { name: "edited".into(), first_empty: Some(at(10)), ..unclear(10, 70) };
    for traits in vendors() {
        creates(&decide(&edited, traits, list(70, [product("p1", "thermostat", Some(&foreign()))])), 2);
        // The new name is looked for, too.
        waits(&decide(&edited, traits, list(70, [product("p1", "edited", None)])), Reason::NameConflict);
        let matching = Facts { match_name: true, ..edited.clone() };
        let plan = decide(&matching, traits, list(70, [product("p1", "edited", None)]));
        assert_eq!(takes(&plan, Claim::Adoption).0, "p1");
    }
}

#[test]
fn nothing_is_adopted_while_an_attempt_is_unclear() {
    let matching = Facts { match_name: true, ..unclear(10, 5) };
    for traits in vendors() {
        let other = product("p1", "thermostat", None);
        waits(&decide(&matching, traits, list(5, [other.clone()])), Reason::Creating);
        let settled = Facts { first_empty: Some(at(10)), now: at(70), ..matching.clone() };
        assert_eq!(takes(&decide(&settled, traits, list(70, [other])), Claim::Adoption).0, "p1");
    }
}

#[test]
fn an_import_waits_for_an_unclear_attempt_and_its_product_is_surplus() {
    // Under another name than the manifest's.
    let importing = Facts { imported: Some("p1".into()), corrects: false, ..unclear(10, 12) };
    for traits in vendors() {
        assert!(matches!(need(&importing, traits), Need::List { .. }));
        let chosen = product("p1", "bought", None);
        let ours = product("p2", "thermostat", Some(&ours()));
        waits(&decide(&importing, traits, list(12, [chosen.clone()])), Reason::Creating);
        let plan = decide(&importing, traits, list(12, [chosen.clone(), ours.clone()]));
        assert_eq!(takes(&plan, Claim::Adoption), ("p1", vec!["p2"]));
        let settled = Facts { first_empty: Some(at(10)), now: at(70), ..importing.clone() };
        assert_eq!(takes(&decide(&settled, traits, list(70, [chosen])), Claim::Adoption).0, "p1");
        let same = Facts { imported: Some("p2".into()), ..importing.clone() };
        assert_eq!(takes(&decide(&same, traits, list(12, [ours])), Claim::Mark), ("p2", vec![]));
    }
}

#[test]
fn moments_and_numbers_that_a_user_wrote_into_the_ledger_are_survived() {
    let far = |state| Ledger {
        attempt: u32::MAX,
        deadline: Timestamp::MAX,
        state,
        taken: Some(Timestamp::MAX),
        ..open(0)
    };
    for traits in vendors() {
        for deleting in [false, true] {
            for ledger in [far(LedgerState::Open), far(LedgerState::Closed)] {
                let first_empty = Some(Timestamp::MAX);
                let facts = Facts { deleting, first_empty, ledger: Some(ledger), ..facts() };
                let _ = need(&facts, traits);
                if let Plan::Wait(wait) = decide(&facts, traits, list(0, [])) {
                    assert!(wait.after <= SLOW);
                }
            }
        }
        let past = Ledger { attempt: u32::MAX, taken: None, ..open(-100).closed(None) };
        creates(&decide(&Facts { ledger: Some(past), ..facts() }, traits, list(0, [])), u32::MAX);
    }
}
