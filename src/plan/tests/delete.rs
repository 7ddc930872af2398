//! Protocol, "Delete".

use super::origin::Origin;
use super::*;

fn deleting() -> Facts {
    Facts { deleting: true, ..facts() }
}

fn recorded() -> Facts {
    Facts { recorded: Some("p1".into()), ledger: Some(open(-60)), ..deleting() }
}

#[test]
fn delete_1_no_vendor_call_where_nothing_was_created() {
    for ledger in [None, Some(open(-60).closed(None)), Some(open(-60).closed(Some(at(-50))))] {
        for imported in [None, Some("p1".to_owned())] {
            for traits in vendors() {
                let facts = Facts { ledger: ledger.clone(), imported: imported.clone(), ..deleting() };
                assert_eq!(need(&facts, traits), Need::Nothing);
                assert!(matches!(decide(&facts, traits, Seen::Nothing), Plan::Gone));
            }
        }
    }
}

#[test]
fn delete_1_a_name_taken_from_a_later_attempt_may_be_an_earlier_ones() {
    let taken = |now| Facts {
        now: at(now),
        ledger: Some(Ledger { attempt: 2, ..open(20).closed(Some(at(10))) }),
        ..deleting()
    };
    for traits in vendors() {
        assert_eq!(need(&taken(12), traits), Need::List { begun_after: at(12) });
        let wait = decide(&taken(12), traits, list(12, []));
        assert_eq!(waits(&wait, Reason::Deleting).after, Duration::from_secs(58));
        assert!(matches!(decide(&taken(70), traits, list(70, [])), Plan::Gone));
        let other = product("p1", "thermostat", Some(&foreign()));
        assert!(matches!(decide(&taken(12), traits, list(12, [other])), Plan::Gone));
        let ours = product("p1", "thermostat", Some(&ours()));
        assert!(matches!(decide(&taken(12), traits, list(12, [ours])), Plan::DeleteFound { .. }));
    }
}

#[test]
fn delete_1_without_our_finalizer_nothing_is_called() {
    let facts = Facts { finalizer: false, ..recorded() };
    assert_eq!(need(&facts, &TENCENT), Need::Nothing);
    assert!(matches!(decide(&facts, &TENCENT, Seen::Nothing), Plan::Done));
}

#[test]
fn delete_2_an_open_ledger_takes_two_look_ups_at_every_vendor() {
    for traits in vendors() {
        let unclear = |first: Option<i64>, now| Facts {
            ledger: Some(open(10)),
            first_empty: first.map(at),
            now: at(now),
            ..deleting()
        };
        let facts = unclear(None, 10);
        assert_eq!(need(&facts, traits), Need::List { begun_after: at(10) });
        waits(&decide(&facts, traits, list(9, [])), Reason::Deleting);
        waits(&decide(&facts, traits, list(10, [])), Reason::Deleting);
        waits(&decide(&unclear(None, 100), traits, list(100, [])), Reason::Deleting);
        waits(&decide(&unclear(Some(10), 69), traits, list(69, [])), Reason::Deleting);
        waits(&decide(&unclear(Some(65), 74), traits, list(74, [])), Reason::Deleting);
        assert!(matches!(decide(&unclear(Some(65), 75), traits, list(75, [])), Plan::Gone));
    }
}

#[test]
fn delete_2_what_the_attempt_left_is_recorded_before_it_is_deleted() {
    for mark in [ours(), former()] {
        let facts = Facts { ledger: Some(open(10)), ..deleting() };
        let plan = decide(&facts, &TENCENT, list(0, [product("p1", "edited", Some(&mark))]));
        assert!(matches!(&plan, Plan::DeleteFound { product } if product.id == "p1"), "{plan:?}");
    }
}

#[test]
fn delete_2_anothers_product_of_that_name_is_not_what_the_attempt_left() {
    let facts = Facts { ledger: Some(open(10)), first_empty: Some(at(10)), now: at(70), ..deleting() };
    for mark in [None, Some(foreign())] {
        let plan = decide(&facts, &TENCENT, list(70, [product("p1", "thermostat", mark.as_ref())]));
        assert!(matches!(plan, Plan::Gone), "{plan:?}");
    }
}

#[test]
fn delete_3_by_id_what_is_ours_or_was_adopted() {
    let adopted = Facts { adopted_mark: Some(foreign().to_string()), ..recorded() };
    let cases = [
        (recorded(), Some(ours())),
        (recorded(), Some(former())),
        (recorded(), None),
        (adopted, Some(foreign())),
    ];
    for (facts, mark) in cases {
        for traits in vendors() {
            let product = product("p1", "a", mark.as_ref());
            let seen = match need(&facts, traits) {
                Need::Read { id } if traits.reads_by_id && id == "p1" => read(product),
                Need::List { begun_after } if begun_after == at(0) => list(0, [product]),
                other => panic!("{other:?}"),
            };
            let plan = decide(&facts, traits, seen);
            assert!(matches!(&plan, Plan::Delete { product } if product.id == "p1"), "{plan:?}");
        }
    }
}

#[test]
fn delete_3_a_foreign_mark_in_a_list_deletes_nothing() {
    let plan = decide(&recorded(), &LEGACY, list(0, [product("p1", "a", Some(&foreign()))]));
    assert!(matches!(plan, Plan::Forget { secret: SecretFate::Stays, remains: Some(_) }), "{plan:?}");
}

#[test]
fn delete_4_retain_watching_and_force_forget_never_call_the_vendor() {
    let ways = [
        (Facts { retain: true, ..recorded() }, SecretFate::Stays),
        (Facts { observe_only: true, ..recorded() }, SecretFate::Goes),
        (Facts { force_forget: true, ..recorded() }, SecretFate::Stays),
    ];
    for (facts, fate) in ways {
        for ledger in [None, Some(open(10))] {
            for recorded in [None, Some("p1".to_owned())] {
                let facts = Facts { ledger: ledger.clone(), recorded, ..facts.clone() };
                assert_eq!(need(&facts, &TENCENT), Need::Nothing);
                let plan = decide(&facts, &TENCENT, Seen::Nothing);
                assert!(matches!(plan, Plan::Forget { secret, .. } if secret == fate), "{plan:?}");
            }
        }
    }
}

#[test]
fn delete_4_the_only_copy_of_a_password_stays_with_a_product_that_lives_on() {
    let sets = Traits { sets_password: true, ..HUAWEI };
    let fate = |recorded: Option<&str>, origin: Option<Origin>, traits: &Traits| {
        let recorded = recorded.map(str::to_owned);
        let facts = Facts { observe_only: true, deleting: true, recorded, origin, ..facts() };
        match decide(&facts, traits, Seen::Nothing) {
            Plan::Forget { secret, .. } => secret,
            other => panic!("{other:?}"),
        }
    };
    for origin in [Some(Origin::Created), Some(Origin::Adopted), None] {
        assert_eq!(fate(Some("p1"), origin, &sets), SecretFate::Stays, "{origin:?}");
        assert_eq!(fate(Some("p1"), origin, &TENCENT), SecretFate::Goes, "it can be read again");
    }
    assert_eq!(fate(Some("p1"), Some(Origin::Watched), &sets), SecretFate::Goes);
    assert_eq!(fate(None, None, &sets), SecretFate::Goes);
}

#[test]
fn delete_4_force_forget_tells_what_may_remain() {
    let remains = |recorded: Option<&str>, ledger: Option<Ledger>| {
        let recorded = recorded.map(str::to_owned);
        let facts = Facts { force_forget: true, recorded, ledger, ..deleting() };
        match decide(&facts, &TENCENT, Seen::Nothing) {
            Plan::Forget { remains: Some(remains), .. } => remains,
            other => panic!("{other:?}"),
        }
    };
    assert!(remains(Some("p1"), Some(open(10))).contains("p1"));
    assert!(remains(None, Some(open(10))).contains("thermostat"));
    assert!(remains(None, None).contains("nothing was created"));
}

#[test]
fn what_only_the_account_s_leave_keeps_from_being_deleted_waits_for_it() {
    let withdrawn = Facts { admitted: false, origin: Some(Origin::Adopted), ..recorded() };
    let unmarked = product("p1", "thermostat", None);
    for traits in vendors() {
        for seen in [read(unmarked.clone()), list(0, [unmarked.clone()])] {
            let plan = decide(&withdrawn, traits, seen.clone());
            assert!(waits(&plan, Reason::AccountNotAllowed).message.contains("allowedNamespaces"));
            let admitted = Facts { admitted: true, ..withdrawn.clone() };
            assert!(matches!(decide(&admitted, traits, seen), Plan::Delete { .. }));
        }
        let others = decide(&withdrawn, traits, read(product("p1", "thermostat", Some(&foreign()))));
        assert!(matches!(others, Plan::Forget { .. }), "leave would not help: {others:?}");
        let own = decide(&withdrawn, traits, read(product("p1", "thermostat", Some(&ours()))));
        assert!(matches!(own, Plan::Delete { .. }), "{own:?}");
    }
}
