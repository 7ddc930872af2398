//! Protocol, "Adopt".

use super::*;

/// What stands in the description of an existing product.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Marked {
    Ours,
    Former,
    No,
    Foreign,
    Living,
    Twice,
}

const ALL: [Marked; 6] =
    [Marked::Ours, Marked::Former, Marked::No, Marked::Foreign, Marked::Living, Marked::Twice];

fn living() -> Mark {
    Mark::of("owner", "factory", "lamp", "77777777-0000-4000-8000-000000000000")
}

fn lives(head: &str) -> bool {
    head == "77777777"
}

fn existing(marked: Marked) -> Observed {
    let mark = match marked {
        Marked::Ours => Some(ours()),
        Marked::Former => Some(former()),
        Marked::Foreign => Some(foreign()),
        Marked::Living => Some(living()),
        Marked::No | Marked::Twice => None,
    };
    let mut product = product("p1", "thermostat", mark.as_ref());
    if marked == Marked::Twice {
        product.description = foreign().append_to(&ours().append_to("a text"));
    }
    product
}

/// Who may take what, as the protocol has it.
fn allowed(marked: Marked, adoption: Adoption, observe_only: bool) -> bool {
    match marked {
        Marked::Ours | Marked::Former => true,
        // What is another tenant's is not even shown.
        Marked::Living => false,
        _ if observe_only => true,
        Marked::No => adoption != Adoption::None,
        Marked::Foreign => adoption == Adoption::Any,
        Marked::Twice => false,
    }
}

#[test]
fn adopt_every_case_of_adoption_ownership_and_wish() {
    for marked in ALL {
        for adoption in [Adoption::None, Adoption::Unmarked, Adoption::Any] {
            for observe_only in [false, true] {
                for traits in vendors() {
                    let base = Facts { observe_only, adoption, ..facts() };
                    let importing = Facts { imported: Some("p1".into()), ..base.clone() };
                    let matching = Facts { match_name: true, ..base };
                    let seen = if traits.reads_by_id {
                        assert_eq!(need(&importing, traits), Need::Read { id: "p1".into() });
                        read(existing(marked))
                    } else {
                        assert_eq!(need(&importing, traits), Need::List { begun_after: at(0) });
                        list(0, [existing(marked)])
                    };
                    let by_id = plan(&importing, traits, seen, &lives);
                    let by_name = plan(&matching, traits, list(0, [existing(marked)]), &lives);
                    for plan in [by_id, by_name] {
                        if allowed(marked, adoption, observe_only) {
                            let claim = match marked {
                                Marked::Ours | Marked::Former => Claim::Mark,
                                _ => Claim::Adoption,
                            };
                            assert_eq!(takes(&plan, claim).0, "p1");
                        } else {
                            waits(&plan, Reason::NameConflict);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn adopt_a_product_whose_marked_object_lives_is_never_taken() {
    let facts = Facts { adoption: Adoption::Any, imported: Some("p1".into()), ..facts() };
    let plan = plan(&facts, &TENCENT, read(existing(Marked::Living)), &lives);
    assert!(waits(&plan, Reason::NameConflict).message.contains("another IotProduct of this cluster"));
}

#[test]
fn adopt_watching_what_is_not_ours_gives_no_right_to_its_secret() {
    for marked in ALL {
        for adoption in [Adoption::None, Adoption::Unmarked, Adoption::Any] {
            for observe_only in [false, true] {
                let facts = Facts { observe_only, adoption, ..facts() };
                let may = crate::plan::create::may_take(&existing(marked), &facts, &lives);
                assert_eq!(may, allowed(marked, adoption, false), "{marked:?} {adoption:?}");
            }
        }
    }
}

#[test]
fn adopt_without_a_wish_takes_only_our_mark() {
    for marked in ALL {
        for observe_only in [false, true] {
            let facts = Facts {
                observe_only,
                adoption: Adoption::Any,
                ledger: Some(open(-60).closed(None)),
                ..facts()
            };
            let plan = plan(&facts, &TENCENT, list(0, [existing(marked)]), &lives);
            if matches!(marked, Marked::Ours | Marked::Former) {
                takes(&plan, Claim::Mark);
            } else {
                waits(&plan, Reason::NameConflict);
            }
        }
    }
}

#[test]
fn adopt_an_import_that_does_not_exist_creates_nothing() {
    let facts = Facts { imported: Some("p1".into()), ..facts() };
    for traits in vendors() {
        let plan = decide(&facts, traits, denied(0, []));
        assert!(waits(&plan, Reason::ProductMissing).message.contains("p1"));
        if traits.reads_by_id {
            let plan = decide(&facts, traits, denied(0, [product("p1", "thermostat", None)]));
            assert!(matches!(plan, Plan::Look { .. }), "the list shows it: {plan:?}");
        }
        waits(&decide(&facts, traits, list(0, [])), Reason::ProductMissing);
        let plan = decide(&facts, traits, Seen::Nothing);
        assert!(!matches!(plan, Plan::Create { .. }), "{plan:?}");
    }
}

#[test]
fn adopt_restored_metadata_finds_its_product_by_the_mark() {
    // Neither ledger nor id: the vendor's refusal closed attempt 1, and the list shows our mark.
    let facts = Facts { now: at(11), ledger: Some(open(20).closed(Some(at(10)))), ..facts() };
    assert_eq!(takes(&decide(&facts, &TENCENT, list(11, [existing(Marked::Former)])), Claim::Mark).0, "p1");
}

#[test]
fn an_unreadable_owner_is_told_from_ours_by_pattern_anywhere_in_the_text() {
    let anywhere =
        Observed { description: format!("before {} after", ours()), ..product("p1", "thermostat", None) };
    let facts = Facts { ledger: Some(open(-60).closed(None)), ..facts() };
    assert_eq!(takes(&decide(&facts, &TENCENT, list(0, [anywhere])), Claim::Mark).0, "p1");
}

#[test]
fn adopt_a_mark_that_the_last_list_shows_is_looked_for_before_anything_is_sent() {
    for traits in vendors() {
        let facts = Facts { mark_seen: true, ..facts() };
        assert!(matches!(need(&facts, traits), Need::List { .. }));
        let mut renamed = existing(Marked::Former);
        "another name".clone_into(&mut renamed.name);
        let plan = plan(&facts, traits, list(0, [renamed]), &lives);
        assert_eq!(takes(&plan, Claim::Mark).0, "p1");
    }
}

#[test]
fn adopt_by_id_renames_nothing() {
    let differs = Observed { name: "\u{6e29}A(2F)@1".into(), ..existing(Marked::No) };
    let importing = Facts { imported: Some("p1".into()), ..facts() };
    for (traits, facts, refused) in [
        (&ALIBABA, importing.clone(), true),
        (&HUAWEI, importing.clone(), true),
        // The name that is there may be written, whatever a create would take.
        (&ALIBABA, Facts { name: differs.name.clone(), ..importing.clone() }, false),
        (&ALIBABA, Facts { corrects: false, ..importing.clone() }, false),
        (&ALIBABA, Facts { observe_only: true, ..importing.clone() }, false),
        // From watching to managing it is the same.
        (&ALIBABA, Facts { recorded: Some("p1".into()), origin: Some(Origin::Watched), ..importing }, true),
    ] {
        let plan = decide(&facts, traits, read(differs.clone()));
        if refused {
            let message = &waits(&plan, Reason::InvalidSpec).message;
            assert!(message.contains("\u{6e29}A(2F)@1") && message.contains("thermostat"), "{message}");
        } else {
            takes(&plan, Claim::Adoption);
        }
    }
    // Its own product, made under an earlier name.
    let own = Observed { name: "former".into(), ..existing(Marked::Former) };
    let facts = Facts { imported: Some("p1".into()), ..facts() };
    takes(&decide(&facts, &ALIBABA, read(own)), Claim::Mark);
}
