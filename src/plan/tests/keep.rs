//! A recorded product: protocol, "Absent", "Re-create" and the end of "Adopt".

use super::super::keep::agrees_after;
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
fn absent_a_not_found_and_a_list_that_agree_create_anew() {
    for traits in vendors() {
        let plan = decide(&recorded(), traits, denied(0, [sibling()]));
        assert!(matches!(&plan, Plan::Recreate { id } if id == "p1"), "{plan:?}");
        let deleting = Facts { deleting: true, ..recorded() };
        assert!(matches!(decide(&deleting, traits, denied(0, [])), Plan::Gone));
    }
}

#[test]
fn absent_one_answer_does_not_beat_a_list_that_shows_the_product() {
    let shown = product("p1", "any", None);
    for traits in vendors() {
        for first in [None, Some(-59)] {
            let facts = Facts { first_empty: first.map(at), ..recorded() };
            let plan = decide(&facts, traits, denied(0, [shown.clone()]));
            assert!(matches!(plan, Plan::Look { .. }), "{plan:?}");
            let deleting = Facts { deleting: true, ..facts };
            waits(&decide(&deleting, traits, denied(0, [shown.clone()])), Reason::Deleting);
        }
        // No list lags for so long.
        let lasting = Facts { first_empty: Some(at(-60)), ..recorded() };
        let plan = decide(&lasting, traits, denied(0, [shown.clone()]));
        assert!(waits(&plan, Reason::ProductMissing).message.contains("until both agree"));
    }
    // Another product that was given the id is none.
    let facts = Facts { serial: Some("1".into()), ..recorded() };
    let another = Observed { serial: Some("2".into()), ..shown };
    assert!(matches!(decide(&facts, &HUAWEI, denied(0, [another])), Plan::Recreate { .. }));
}

#[test]
fn absent_what_is_younger_than_a_list_may_lag_takes_two_answers_some_time_apart() {
    for (deadline, first, proved) in [
        (-60, None, true),
        (-59, None, false),
        (-59, Some(-9), false),
        (-59, Some(-10), true),
        (20, Some(-10), true),
    ] {
        for traits in [&TENCENT, &ALIBABA, &HUAWEI] {
            let facts = Facts { ledger: Some(open(deadline)), first_empty: first.map(at), ..recorded() };
            let plan = decide(&facts, traits, denied(0, []));
            assert_eq!(matches!(plan, Plan::Recreate { .. }), proved, "{deadline} {first:?}: {plan:?}");
            assert_eq!(matches!(plan, Plan::Look { .. }), !proved, "{plan:?}");
            let deleting = Facts { deleting: true, ..facts };
            assert_eq!(matches!(decide(&deleting, traits, denied(0, [])), Plan::Gone), proved);
        }
    }
}

#[test]
fn absent_a_delete_that_the_vendor_confirmed_is_one_of_the_two_answers() {
    for traits in [&TENCENT, &ALIBABA, &HUAWEI] {
        let young = Some(open(20));
        let facts = Facts { deleting: true, ledger: young, deleted: Some(at(-1)), ..recorded() };
        assert!(matches!(decide(&facts, traits, Seen::Absent { listing: None }), Plan::Gone));
        let unconfirmed = Facts { deleted: None, ..facts };
        waits(&decide(&unconfirmed, traits, Seen::Absent { listing: None }), Reason::Deleting);
    }
}

#[test]
fn absent_a_list_agrees_that_is_young_and_knew_the_product() {
    let after = |deadline| agrees_after(&Facts { ledger: Some(open(deadline)), ..recorded() });
    assert_eq!(after(-1_000), at(-60));
    assert_eq!(after(-90), at(-30));
    assert_eq!(after(0), at(0), "none knew it");
}

#[test]
fn what_was_called_gone_is_found_again_by_its_mark() {
    let facts = Facts { recorded: None, ..recorded() };
    for traits in vendors() {
        let seen = list(0, [product("p1", "thermostat", Some(&ours()))]);
        assert_eq!(takes(&decide(&facts, traits, seen), Claim::Mark), ("p1", vec![]));
    }
}

#[test]
fn absent_through_a_connection_that_is_not_believed_nothing_is_created_or_forgotten() {
    for trust in [Trust::NewKey, Trust::MassLoss] {
        for traits in vendors() {
            let facts = Facts { trust, ..recorded() };
            let wait = decide(&facts, traits, denied(0, [sibling()]));
            assert!(waits(&wait, Reason::ProductMissing).message.contains("condition Ready"));
            let plan = decide(&Facts { deleting: true, ..facts }, traits, denied(0, [sibling()]));
            let wait = waits(&plan, Reason::ProductMissing);
            assert!(wait.message.contains("force-forget=p1") && wait.message.contains("Retain"));
        }
    }
    let shown = Facts { trust: Trust::NewKey, shown_here: true, ..recorded() };
    assert!(matches!(decide(&shown, &TENCENT, denied(0, [])), Plan::Recreate { .. }), "the key has shown it");
    let lost = Facts { trust: Trust::MassLoss, ..shown };
    waits(&decide(&lost, &TENCENT, denied(0, [])), Reason::ProductMissing);
}

#[test]
fn an_edit_through_a_key_that_has_shown_nothing_of_ours_looks_first_whose_the_id_is() {
    for traits in vendors() {
        let facts = Facts { trust: Trust::NewKey, check: Check::Edit, ..recorded() };
        assert!(!matches!(need(&facts, traits), Need::Known { .. }));
        let shown = Facts { shown_here: true, ..facts.clone() };
        assert!(matches!(need(&shown, traits), Need::Known { .. }));
        let rest = Facts { check: Check::Rest, ..facts };
        assert!(matches!(need(&rest, traits), Need::Known { .. }), "nothing is sent");
    }
}

#[test]
fn absent_what_was_imported_or_is_only_watched_is_not_created_anew() {
    let imported = Facts { imported: Some("p1".into()), ..recorded() };
    let watched = Facts { observe_only: true, ..recorded() };
    for facts in [imported, watched] {
        for trust in [Trust::Shown, Trust::NewKey] {
            let facts = Facts { trust, ..facts.clone() };
            waits(&decide(&facts, &TENCENT, denied(0, [])), Reason::ProductMissing);
        }
    }
}

#[test]
fn absent_missing_from_a_list_is_a_hint_where_products_can_be_read() {
    for traits in [&TENCENT, &ALIBABA, &HUAWEI] {
        for deleting in [false, true] {
            let facts = Facts { deleting, first_empty: Some(at(-100)), ..recorded() };
            waits(&decide(&facts, traits, list(0, [sibling()])), Reason::ProductMissing);
        }
    }
}

#[test]
fn absent_where_lists_are_the_only_reading_takes_two() {
    let seen = |first: Option<i64>, trust, deleting: bool| {
        let facts = Facts { deleting, trust, first_empty: first.map(at), ..recorded() };
        decide(&facts, &LEGACY, list(0, [sibling()]))
    };
    for first in [None, Some(-9)] {
        let plan = seen(first, Trust::Shown, false);
        let Plan::Look { after } = plan else { panic!("a hint is nothing to tell: {plan:?}") };
        assert!(after <= Duration::from_secs(10));
        waits(&seen(first, Trust::Shown, true), Reason::Deleting);
    }
    assert!(matches!(seen(Some(-10), Trust::Shown, false), Plan::Recreate { .. }));
    assert!(matches!(seen(Some(-10), Trust::Shown, true), Plan::Gone));
    // A wrong account's list lacks it, too.
    for trust in [Trust::NewKey, Trust::MassLoss] {
        waits(&seen(Some(-10), trust, false), Reason::ProductMissing);
        waits(&seen(Some(-10), trust, true), Reason::ProductMissing);
    }
}

#[test]
fn absent_a_key_that_has_shown_the_product_needs_to_show_no_other() {
    for deleting in [false, true] {
        let trust = Trust::NewKey;
        let facts = Facts { shown_here: true, trust, deleting, first_empty: Some(at(-10)), ..recorded() };
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
