//! Whose a product becomes, whatever order a user brings his edits in. One product that somebody else made stands at the
//! vendor under the manifest's name, and a user without any right on status edits his own object: watches it and stops
//! watching, imports it, lets a create be refused, suspends, writes or copies a ledger, deletes. Every state that he can
//! reach is visited, and in none may the product be delivered, changed or deleted unless the account's `adoption` lets it
//! be taken over; and in none is it taken for one that the object created.

mod world;

use std::collections::{HashMap, VecDeque};

use iot_product_operator::api::{Adoption, Origin};
use iot_product_operator::plan::origin::{Provenance, may_deliver};
use iot_product_operator::plan::{Check, Claim, Facts, Plan, Seen, plan};
use iot_product_operator::vendor::{Traits, alibaba, huawei, tencent, tencent_legacy};

use world::{ATTEMPTS, Carries, Record, Setting, World, Written, lives, mark, product};

/// An edit, with what it is called in a story.
type Edit = (&'static str, fn(&mut World));

/// What a user may do to his object.
const EDITS: [Edit; 10] = [
    ("ObserveOnly or Full", |world| world.observe_only ^= true),
    ("import or not", |world| {
        // Fixed once it is managed.
        world.imports ^= world.recorded.is_none() || world.observe_only || world.imports;
    }),
    ("MatchName or Owned", |world| world.match_name ^= true),
    ("suspend or not", |world| world.suspended ^= true),
    ("writes a ledger of seven attempts", |world| {
        world.ledger = Some(Written { attempt: ATTEMPTS, open: false, taken: false });
    }),
    ("writes a ledger with an open attempt", |world| {
        world.ledger = Some(Written { attempt: 1, open: true, taken: false });
    }),
    ("writes a ledger that says nothing was attempted", |world| {
        world.ledger = Some(Written { attempt: 0, open: false, taken: false });
    }),
    ("copies the manifest of another, whose ledger is none", |world| world.ledger = None),
    ("takes the finalizer off", |world| world.finalizer = false),
    ("deletes", |world| {
        world.deleting = true;
        world.gone |= !world.finalizer;
    }),
];

/// The shortest way to a state in which something is done that may not be.
fn broken(setting: &Setting) -> Result<usize, String> {
    let first = World::new();
    let mut known: HashMap<World, Option<(World, &'static str)>> = HashMap::from([(first.clone(), None)]);
    let mut next = VecDeque::from([first]);
    while let Some(world) = next.pop_front() {
        if world.gone {
            continue;
        }
        let mut visited = world.clone();
        if let Some(wrong) = setting.visit(&mut visited) {
            return Err(format!("{wrong}: {}", story(&known, &world)));
        }
        let edited = EDITS.iter().map(|(name, edit)| {
            let mut edited = world.clone();
            edit(&mut edited);
            (edited, *name)
        });
        for (state, how) in edited.chain([(visited, "visit")]) {
            if !known.contains_key(&state) {
                known.insert(state.clone(), Some((world.clone(), how)));
                next.push_back(state);
            }
        }
    }
    Ok(known.len())
}

fn story(known: &HashMap<World, Option<(World, &'static str)>>, world: &World) -> String {
    let mut steps = Vec::new();
    let mut at = world;
    while let Some(Some((before, how))) = known.get(at) {
        steps.push(*how);
        at = before;
    }
    steps.reverse();
    format!("{steps:?} {world:?}")
}

fn every_setting(record: Record) -> impl Iterator<Item = (String, Setting)> {
    let vendors: [(&str, &'static Traits); 4] = [
        ("TencentCloud", &tencent::TRAITS),
        ("TencentCloudLegacy", &tencent_legacy::TRAITS),
        ("AlibabaCloud", &alibaba::TRAITS),
        ("HuaweiCloud", &huawei::TRAITS),
    ];
    let carries = [Carries::Nothing, Carries::DeadMark, Carries::LivingMark, Carries::FormerMark];
    vendors.into_iter().flat_map(move |(vendor, traits)| {
        [Adoption::None, Adoption::Unmarked, Adoption::Any].into_iter().flat_map(move |adoption| {
            carries.map(|carries| {
                (
                    format!("{vendor}, adoption {adoption}, {carries:?}"),
                    Setting { traits, adoption, carries, record },
                )
            })
        })
    })
}

#[test]
fn no_order_of_edits_makes_another_s_product_this_object_s() {
    let mut states = 0;
    for (name, setting) in every_setting(Provenance::of_found) {
        match broken(&setting) {
            Ok(number) => states += number,
            Err(wrong) => panic!("{name}: {wrong}"),
        }
    }
    eprintln!("origin: {states} states");
    assert!(states > 10_000, "{states}");
}

/// A mutant is caught where at least one setting shows what it breaks.
fn caught(record: Record) -> bool {
    every_setting(record).any(|(_, setting)| broken(&setting).is_err())
}

#[test]
fn an_origin_from_attempts_is_caught() {
    assert!(caught(|product, claim, facts| {
        let attempted = facts.ledger.as_ref().is_some_and(|ledger| ledger.attempt > 0);
        if attempted { Provenance::created() } else { Provenance::of_found(product, claim, facts) }
    }));
}

#[test]
fn an_origin_from_any_mark_of_the_name_is_caught() {
    assert!(caught(|product, claim, facts| match claim {
        Claim::Mark => Provenance::created(),
        Claim::Adoption => Provenance::of_found(product, claim, facts),
    }));
}

#[test]
fn what_is_watched_and_recorded_as_taken_over_is_caught() {
    assert!(caught(|product, claim, facts| {
        Provenance::of_found(product, claim, &Facts { observe_only: false, ..facts.clone() })
    }));
}

/// What an object may do with a product of this origin, as `docs/policies.md` says it.
fn row(origin: Origin, observe_only: bool, taken: bool) -> String {
    let carries =
        if origin == Origin::Created { mark().append_to("own") } else { Carries::Nothing.description() };
    let adoption = if taken { Adoption::Unmarked } else { Adoption::None };
    let setting = Setting {
        traits: &tencent::TRAITS,
        adoption,
        carries: Carries::Nothing,
        record: Provenance::of_found,
    };
    let facts = Facts {
        observe_only,
        finalizer: true,
        recorded: Some("1".into()),
        origin: Some(origin),
        check: Check::Full,
        ..setting.facts(&World::new())
    };
    let seen = || Seen::Product(Box::new(product("1", carries.clone())));
    let (secret, changed) = match plan(&facts, setting.traits, seen(), &lives) {
        Plan::Keep { product } => (
            if may_deliver(&product, &facts, &lives) { "delivered" } else { "none" },
            if observe_only { "no" } else { "yes" },
        ),
        Plan::Take { .. } => ("after it is taken over", "after it is taken over"),
        _ => ("none", "no"),
    };
    let deleting = Facts { deleting: true, ..facts };
    let deleted = matches!(plan(&deleting, setting.traits, seen(), &lives), Plan::Delete { .. });
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let management = if observe_only { "ObserveOnly" } else { "Full" };
    format!("| {origin} | {management} | {} | {secret} | {changed} | {} |", yes(taken), yes(deleted))
}

#[test]
fn the_table_of_origins_is_as_decided() {
    let document = include_str!("../../docs/policies.md");
    let rows = Origin::ALL.iter().flat_map(|origin| {
        [false, true]
            .into_iter()
            .flat_map(move |observe| [true, false].map(|taken| row(*origin, observe, taken)))
    });
    for row in rows {
        assert!(document.contains(&row), "docs/policies.md lacks:\n{row}");
    }
}
