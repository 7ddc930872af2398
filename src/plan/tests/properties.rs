//! What holds for any facts and any sight.

use proptest::option;
use proptest::prelude::*;

use super::*;

fn marks() -> impl Strategy<Value = String> {
    let two = format!("{}{}", ours(), foreign());
    prop::sample::select(vec![
        String::new(),
        ours().to_string(),
        former().to_string(),
        foreign().to_string(),
        two,
        "[iotp:none]".to_owned(),
    ])
}

fn products() -> impl Strategy<Value = Observed> {
    let id = prop::sample::select(vec!["p1", "p2", "p3"]);
    let name = prop::sample::select(vec!["thermostat", "edited", "lamp"]);
    (id, name, marks(), option::of(0_i64..9)).prop_map(|(id, name, mark, created_at)| Observed {
        description: format!("a text {mark}"),
        created_at,
        ..product(id, name, None)
    })
}

fn lists() -> impl Strategy<Value = Listing> {
    (-200_i64..=0, prop::collection::vec(products(), 0..5))
        .prop_map(|(begun, products)| Listing { begun: at(begun), products: products.into() })
}

fn sights() -> impl Strategy<Value = Seen> {
    prop_oneof![
        Just(Seen::Nothing),
        products().prop_map(read),
        lists().prop_map(|listing| Seen::Absent { listing: Some(listing) }),
        lists().prop_map(Seen::List),
    ]
}

fn ledgers() -> impl Strategy<Value = Ledger> {
    let name = prop::sample::select(vec!["thermostat", "edited"]);
    let attempt = prop_oneof![0_u32..4, Just(u32::MAX)];
    (name, attempt, -200_i64..60, any::<bool>(), option::of(-700_i64..10)).prop_map(
        |(name, attempt, deadline, is_open, taken)| {
            let ledger = Ledger { name: name.into(), attempt, ..open(deadline) };
            if is_open { ledger } else { ledger.closed(taken.map(at)) }
        },
    )
}

prop_compose! {
    fn policies()(
        deleting: bool, suspended: bool, finalizer: bool, observe_only: bool, retain: bool, match_name: bool,
        force_forget: bool,
        adoption in prop::sample::select(vec![Adoption::None, Adoption::Unmarked, Adoption::Any]),
        check in prop::sample::select(vec![Check::Rest, Check::Edit, Check::Full]),
    ) -> Facts {
        Facts {
            deleting, suspended, finalizer, observe_only, retain, match_name, adoption, check, force_forget,
            ..facts()
        }
    }
}

prop_compose! {
    fn any_facts()(
        policies in policies(),
        recorded in option::of(Just("p1".to_owned())),
        imported in option::of(prop::sample::select(vec!["p1".to_owned(), "p2".to_owned()])),
        adopted_mark in option::of(marks()),
        ledger in option::of(ledgers()),
        first_empty in option::of((-300_i64..0).prop_map(at)),
        trust in prop::sample::select(vec![Trust::Shown, Trust::NewKey, Trust::MassLoss]),
    ) -> Facts {
        Facts { recorded, imported, adopted_mark, ledger, first_empty, trust, ..policies }
    }
}

fn any_vendor() -> impl Strategy<Value = &'static Traits> {
    prop::sample::select(vendors().to_vec())
}

/// A sight that the question allows.
fn answer(need: &Need, products: &[Observed], absent: Option<i64>) -> Seen {
    match need {
        Need::Nothing => Seen::Nothing,
        Need::Known { id } | Need::Read { id } => match absent {
            Some(begun) => Seen::Absent {
                listing: Some(Listing { begun: at(begun), products: products.iter().cloned().collect() }),
            },
            None => read(product(id, "thermostat", Some(&ours()))),
        },
        Need::List { begun_after } => {
            Seen::List(Listing { begun: *begun_after, products: products.iter().cloned().collect() })
        }
    }
}

/// The rule for an open ledger, written down a second time.
fn left_nothing(facts: &Facts, ledger: &Ledger, begun: Timestamp, traits: &Traits) -> bool {
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs();
    let two = !traits.refuses_taken_names || ledger.name != facts.name || facts.deleting;
    let second = facts.first_empty.is_some_and(|first| {
        first >= ledger.deadline && seconds(first, begun) >= 10 && seconds(ledger.deadline, begun) >= 60
    });
    begun >= ledger.deadline && (!two || second)
}

fn says_our_mark(product: &Observed) -> bool {
    [ours(), former()].iter().any(|mark| mark::find(&product.description) == mark::Marks::One(mark.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn a_creation_is_free_of_every_objection(
        facts in any_facts(), traits in any_vendor(), seen in sights(),
    ) {
        let Plan::Create { attempt } = decide(&facts, traits, seen.clone()) else { return Ok(()) };
        prop_assert!(facts.recorded.is_none() && facts.imported.is_none());
        prop_assert!(!facts.deleting && !facts.suspended && !facts.observe_only);
        match (&facts.ledger, &seen) {
            (None, Seen::Nothing) => prop_assert!(traits.refuses_taken_names && !facts.match_name),
            (Some(ledger), Seen::List(list)) if ledger.is_unclear() => {
                prop_assert!(left_nothing(&facts, ledger, list.begun, traits));
            }
            (_, Seen::List(_)) => {}
            (ledger, seen) => prop_assert!(false, "{ledger:?} {seen:?}"),
        }
        if let Seen::List(list) = &seen {
            prop_assert!(!list.products.iter().any(|p| says_our_mark(p) || p.name == facts.name));
        }
        let last = facts.ledger.as_ref().map_or(0, |ledger| ledger.attempt);
        prop_assert!(attempt > last || last == u32::MAX, "attempts only go up");
    }

    #[test]
    fn a_deletion_is_of_the_recorded_product_with_a_mark_that_is_accepted(
        facts in any_facts(), traits in any_vendor(), seen in sights(),
    ) {
        let product = match decide(&facts, traits, seen) {
            Plan::Delete { product } => {
                prop_assert!(facts.recorded.is_some());
                product
            }
            Plan::DeleteFound { product } => {
                prop_assert!(facts.recorded.is_none() && says_our_mark(&product));
                product
            }
            _ => return Ok(()),
        };
        prop_assert!(facts.deleting && facts.finalizer && !facts.suspended);
        prop_assert!(!facts.retain && !facts.observe_only && !facts.force_forget);
        let accepted = match mark::find(&product.description) {
            mark::Marks::None => true,
            mark::Marks::One(mark) => {
                says_our_mark(&product) || facts.adopted_mark == Some(mark.to_string())
            }
            mark::Marks::Many => false,
        };
        prop_assert!(accepted, "{}", product.description);
    }

    #[test]
    fn nothing_is_created_anew_or_given_up_without_proof(
        facts in any_facts(), traits in any_vendor(), seen in sights(),
    ) {
        let shows = |listing: &Listing| listing.products.iter().any(|product| Some(&product.id) == facts.recorded.as_ref());
        let proved = facts.trust == Trust::Shown && match &seen {
            Seen::Absent { listing } => listing.as_ref().is_some_and(|listing| !shows(listing)),
            Seen::List(list) => !traits.reads_by_id && facts.first_empty.is_some_and(|first| list.begun > first),
            Seen::Nothing | Seen::Product(_) => false,
        };
        match decide(&facts, traits, seen) {
            Plan::Recreate { id } => {
                prop_assert!(proved && facts.recorded == Some(id));
                prop_assert!(!facts.observe_only && facts.imported.is_none() && !facts.deleting);
            }
            Plan::Gone if facts.recorded.is_some() => prop_assert!(proved && facts.deleting),
            Plan::Gone => prop_assert!(facts.deleting),
            _ => {}
        }
    }

    #[test]
    fn only_a_watcher_keeps_what_another_owns(
        facts in any_facts(), traits in any_vendor(), seen in sights(),
    ) {
        if let Plan::Keep { product } = decide(&facts, traits, seen)
            && let mark::Marks::One(mark) = mark::find(&product.description)
        {
            prop_assert!(
                says_our_mark(&product)
                    || facts.observe_only
                    || facts.adopted_mark == Some(mark.to_string())
            );
        }
    }

    #[test]
    fn what_was_asked_for_is_enough_to_decide(
        facts in any_facts(), traits in any_vendor(), listed in prop::collection::vec(products(), 0..4),
        absent in option::of(-200_i64..=0),
    ) {
        let need = need(&facts, traits);
        if let Need::List { begun_after } = need {
            let shared = facts.ledger.as_ref().is_some_and(|ledger| ledger.last_taken() == Some(begun_after));
            prop_assert!(begun_after <= facts.now || shared);
        }
        let plan = decide(&facts, traits, answer(&need, &listed, absent));
        match plan {
            Plan::Done => prop_assert!(facts.deleting && !facts.finalizer),
            Plan::Wait(wait) => {
                prop_assert!(!wait.message.is_empty() && wait.after > Duration::ZERO && wait.after <= SLOW);
            }
            _ => {}
        }
    }

    #[test]
    fn the_same_facts_and_sight_give_the_same_plan(
        facts in any_facts(), traits in any_vendor(), seen in sights(),
    ) {
        let text = |plan: Plan| format!("{plan:?}");
        prop_assert_eq!(
            text(decide(&facts, traits, seen.clone())),
            text(decide(&facts.clone(), traits, seen))
        );
    }

    #[test]
    fn the_order_of_a_list_changes_nothing(
        facts in any_facts(), traits in any_vendor(), list in lists(), turn in 0_usize..5,
    ) {
        // Ids are distinct in a complete list, and names as far as they are not ours.
        let mut products: Vec<Observed> = Vec::new();
        for product in list.products.iter() {
            if !products.iter().any(|other| other.id == product.id || other.name == product.name) {
                products.push(product.clone());
            }
        }
        let mut turned = products.clone();
        turned.rotate_left(turn % products.len().max(1));
        let seen = |products: Vec<Observed>| Seen::List(Listing { begun: list.begun, products: products.into() });
        prop_assert_eq!(
            format!("{:?}", decide(&facts, traits, seen(products))),
            format!("{:?}", decide(&facts, traits, seen(turned)))
        );
    }
}
