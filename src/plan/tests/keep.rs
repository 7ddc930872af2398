//! A recorded product: protocol, "Absent", "Re-create" and the end of "Adopt".

use super::origin::Provenance;
use super::*;

fn recorded() -> Facts {
    Facts { recorded: Some("p1".into()), ledger: Some(open(-60)), ..facts() }
}

fn sibling() -> Observed {
    let mark = Mark::of("owner", "factory", "lamp", "77777777-0000-4000-8000-000000000000");
    product("p9", "lamp", Some(&mark))
}

#[test]
fn nothing_is_asked_of_the_vendor_whose_answer_is_not_in_doubt() {
    for traits in vendors() {
        for check in [Check::Rest, Check::Edit] {
            let facts = Facts { check, ..recorded() };
            assert_eq!(need(&facts, traits), Need::Known { id: "p1".into() });
        }
        let full = Facts { check: Check::Full, ..recorded() };
        let by_id = Need::Read { id: "p1".into() };
        let by_list = Need::List { begun_after: at(0) };
        assert_eq!(need(&full, traits), if traits.reads_by_id { by_id } else { by_list });
    }
}

#[test]
fn our_product_is_kept_also_after_it_lost_its_mark() {
    for mark in [Some(ours()), Some(former()), None] {
        for traits in vendors() {
            let product = product("p1", "any", mark.as_ref());
            for seen in [read(product.clone()), list(0, [sibling(), product])] {
                let plan = decide(&recorded(), traits, seen);
                assert!(matches!(&plan, Plan::Keep { product } if product.id == "p1"), "{plan:?}");
            }
        }
    }
}

#[test]
fn adopt_anothers_mark_where_ours_stood_stops_everything() {
    let twice = Observed { description: format!("{}{}", ours(), foreign()), ..product("p1", "a", None) };
    for product in [product("p1", "a", Some(&foreign())), twice] {
        let plan = decide(&recorded(), &TENCENT, read(product.clone()));
        assert!(waits(&plan, Reason::NameConflict).message.contains("deleting this IotProduct only forgets"));
        let plan = decide(&Facts { deleting: true, ..recorded() }, &TENCENT, read(product));
        assert!(
            matches!(&plan, Plan::Forget { secret: SecretFate::Stays, remains: Some(note) } if note.contains("p1")),
            "{plan:?}"
        );
    }
}

#[test]
fn adopt_the_mark_found_at_adoption_is_accepted_and_no_other() {
    let adopted = Facts { adopted_mark: Some(foreign().to_string()), ..recorded() };
    let plan = decide(&adopted, &TENCENT, read(product("p1", "a", Some(&foreign()))));
    assert!(matches!(plan, Plan::Keep { .. }), "{plan:?}");
    let third = Mark::of("third", "n", "p", FORMER_UID);
    waits(&decide(&adopted, &TENCENT, read(product("p1", "a", Some(&third)))), Reason::NameConflict);
}

#[test]
fn who_only_watches_keeps_whatever_it_is() {
    let facts = Facts { observe_only: true, ..recorded() };
    let plan = decide(&facts, &TENCENT, read(product("p1", "a", Some(&foreign()))));
    assert!(matches!(plan, Plan::Keep { .. }), "{plan:?}");
}

#[test]
fn who_watched_before_there_were_origins_is_asked_whose_it_is_once() {
    for traits in vendors() {
        let facts = Facts { observe_only: true, origin: None, check: Check::Rest, ..recorded() };
        assert!(matches!(need(&facts, traits), Need::Read { .. } | Need::List { .. }));
        let unmarked = product("p1", "a", None);
        let plan = decide(&facts, traits, read(unmarked.clone()));
        takes(&plan, Claim::Adoption);
        let found = Provenance::of_found(&unmarked, Claim::Adoption, &facts);
        assert_eq!(found.origin, Origin::Watched, "so that it holds nobody's product back");
        let decided = Facts { origin: Some(found.origin), ..facts };
        assert_eq!(need(&decided, traits), Need::Known { id: "p1".into() });
        assert!(matches!(decide(&decided, traits, read(unmarked)), Plan::Keep { .. }));
    }
}

#[test]
fn absent_a_proved_not_found_creates_anew() {
    for traits in vendors() {
        let plan = decide(&recorded(), traits, Seen::Absent { proved: true });
        assert!(matches!(&plan, Plan::Recreate { id } if id == "p1"), "{plan:?}");
    }
}

#[test]
fn absent_a_list_that_still_shows_what_is_gone_is_not_believed() {
    let facts = Facts { recorded: None, previous: Some("p1".into()), ..recorded() };
    for traits in vendors() {
        let plan = decide(&facts, traits, list(0, [product("p1", "thermostat", Some(&ours()))]));
        assert!(!matches!(plan, Plan::Take { .. }), "{plan:?}");
        let seen = [product("p1", "thermostat", Some(&ours())), product("p2", "thermostat", Some(&ours()))];
        assert_eq!(takes(&decide(&facts, traits, list(0, seen)), Claim::Mark), ("p2", vec![]));
    }
}

#[test]
fn absent_without_proof_nothing_is_created_or_forgotten() {
    for traits in vendors() {
        let plan = decide(&recorded(), traits, Seen::Absent { proved: false });
        waits(&plan, Reason::ProductMissing);
        let deleting = Facts { deleting: true, ..recorded() };
        let plan = decide(&deleting, traits, Seen::Absent { proved: false });
        let wait = waits(&plan, Reason::ProductMissing);
        assert!(wait.message.contains("force-forget=p1") && wait.message.contains("Retain"));
    }
}

#[test]
fn absent_what_was_imported_or_is_only_watched_is_not_created_anew() {
    let imported = Facts { imported: Some("p1".into()), ..recorded() };
    let watched = Facts { observe_only: true, ..recorded() };
    for facts in [imported, watched] {
        for proved in [false, true] {
            waits(&decide(&facts, &TENCENT, Seen::Absent { proved }), Reason::ProductMissing);
        }
    }
}

#[test]
fn absent_missing_from_a_list_is_a_hint_where_products_can_be_read() {
    for traits in [&TENCENT, &ALIBABA, &HUAWEI] {
        for deleting in [false, true] {
            let facts = Facts { deleting, first_empty: Some(at(-100)), ..recorded() };
            let plan = plan(&facts, traits, list(0, [sibling()]), &|_| true);
            waits(&plan, Reason::ProductMissing);
        }
    }
}

#[test]
fn absent_where_lists_are_the_only_reading_takes_two_that_show_another_of_ours() {
    let lives = |head: &str| head == "77777777";
    let seen = |first: Option<i64>, products: &[Observed], deleting: bool| {
        let facts = Facts { deleting, first_empty: first.map(at), ..recorded() };
        plan(&facts, &LEGACY, list(0, products.to_vec()), &lives)
    };
    for first in [None, Some(-9)] {
        let plan = seen(first, &[sibling()], false);
        let Plan::Look { after } = plan else { panic!("a hint is nothing to tell: {plan:?}") };
        assert!(after <= Duration::from_secs(10));
        waits(&seen(first, &[sibling()], true), Reason::Deleting);
    }
    assert!(matches!(seen(Some(-10), &[sibling()], false), Plan::Recreate { .. }));
    assert!(matches!(seen(Some(-10), &[sibling()], true), Plan::Gone));
    // A wrong account's list is empty, too.
    for products in [vec![], vec![product("p8", "other", Some(&foreign()))]] {
        waits(&seen(Some(-10), &products, false), Reason::ProductMissing);
        waits(&seen(Some(-10), &products, true), Reason::ProductMissing);
    }
}

#[test]
fn absent_a_connection_that_has_shown_the_product_needs_no_other_of_ours() {
    for deleting in [false, true] {
        let facts = Facts { shown_here: true, deleting, first_empty: Some(at(-10)), ..recorded() };
        let plan = decide(&facts, &LEGACY, list(0, []));
        assert!(matches!((&plan, deleting), (Plan::Recreate { .. }, false) | (Plan::Gone, true)), "{plan:?}");
    }
}

#[test]
fn absent_a_list_that_lags_does_not_lose_what_was_just_created() {
    for (deadline, proved) in [(-60, true), (-59, false), (10, false)] {
        let ledger = Some(open(deadline));
        let facts = Facts { shown_here: true, first_empty: Some(at(-30)), ledger, ..recorded() };
        let plan = decide(&facts, &LEGACY, list(0, []));
        assert_eq!(matches!(plan, Plan::Recreate { .. }), proved, "{plan:?}");
        assert_eq!(matches!(plan, Plan::Look { .. }), !proved, "{plan:?}");
        let deleting = Facts { deleting: true, ..facts.clone() };
        assert_eq!(matches!(decide(&deleting, &LEGACY, list(0, [])), Plan::Gone), proved);
        // Unless the vendor says itself that it is deleted.
        let deleted = Facts { deleted: Some(at(-30)), ..deleting };
        assert!(matches!(decide(&deleted, &LEGACY, list(0, [])), Plan::Gone));
    }
}

#[test]
fn absent_what_is_deleted_takes_two_lists_begun_after_it() {
    let mine = product("p1", "thermostat", Some(&ours()));
    let deleted = |first: Option<i64>| Facts {
        deleting: true,
        shown_here: true,
        deleted: Some(at(-20)),
        first_empty: first.map(at),
        ..recorded()
    };
    for (first, gone) in [(None, false), (Some(-21), false), (Some(-20), true), (Some(-9), false)] {
        let plan = decide(&deleted(first), &LEGACY, list(0, []));
        assert_eq!(matches!(plan, Plan::Gone), gone, "{first:?}: {plan:?}");
        if !gone {
            waits(&plan, Reason::Deleting);
        }
    }
    waits(&decide(&deleted(None), &LEGACY, list(0, [mine.clone()])), Reason::Deleting);
    let late = Facts { deleted: Some(at(-60)), ..deleted(None) };
    let plan = decide(&late, &LEGACY, list(0, [mine]));
    assert!(matches!(plan, Plan::Delete { .. }), "no list lags for so long: {plan:?}");
}

#[test]
fn adopt_a_watched_product_is_taken_over_only_as_the_account_allows() {
    let watched = Facts { origin: Some(Origin::Watched), ..recorded() };
    let unmarked = || read(product("p1", "thermostat", None));
    for traits in vendors() {
        assert_eq!(takes(&decide(&watched, traits, unmarked()), Claim::Adoption).0, "p1");
        let refused = Facts { adoption: Adoption::None, ..watched.clone() };
        waits(&decide(&refused, traits, unmarked()), Reason::NameConflict);
        let still = Facts { observe_only: true, ..watched.clone() };
        assert!(matches!(decide(&still, traits, unmarked()), Plan::Keep { .. }));
    }
}

/// Status remembers a watched product without its mark, so an edit looks; a hit by our mark is taken, too.
#[test]
fn adopt_a_watched_product_is_looked_at_before_it_is_managed_and_not_deleted_before_that() {
    let watched = Facts { origin: Some(Origin::Watched), check: Check::Edit, ..recorded() };
    for traits in vendors() {
        assert!(!matches!(need(&watched, traits), Need::Known { .. }));
        let ours = read(product("p1", "a", Some(&ours())));
        assert_eq!(takes(&decide(&watched, traits, ours), Claim::Mark).0, "p1");
        let deleting = Facts { deleting: true, finalizer: true, ..watched.clone() };
        assert_eq!(need(&deleting, traits), Need::Nothing);
        let plan = decide(&deleting, traits, Seen::Nothing);
        assert!(matches!(plan, Plan::Forget { secret: SecretFate::Goes, .. }), "{plan:?}");
    }
}

#[test]
fn what_an_older_object_records_is_neither_changed_nor_deleted() {
    let rival = Facts { rival: Some("factory/older".into()), finalizer: true, ..recorded() };
    for traits in vendors() {
        let shown = product("p1", "thermostat", Some(&ours()));
        let plan = decide(&rival, traits, read(shown.clone()));
        assert!(waits(&plan, Reason::NameConflict).message.contains("factory/older"));
        let deleting = Facts { deleting: true, ..rival.clone() };
        assert_eq!(need(&deleting, traits), Need::Nothing);
        let plan = decide(&deleting, traits, Seen::Nothing);
        assert!(matches!(plan, Plan::Forget { .. }), "{plan:?}");
    }
}
