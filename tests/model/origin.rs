//! Whose a product becomes, whatever order a user brings his edits in. One product that somebody else made stands at the
//! vendor under the manifest's name, and a user without any right on status edits his own object: watches it and stops
//! watching, imports it, lets a create be refused, suspends, writes or copies a ledger, deletes. Every state that he can
//! reach is visited, and in none may the product be delivered, changed or deleted unless the account's `adoption` lets it
//! be taken over; and in none is it taken for one that the object created.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use iot_product_operator::api::{Adoption, Origin};
use iot_product_operator::plan::ledger::{Ledger, LedgerState};
use iot_product_operator::plan::mark::Mark;
use iot_product_operator::plan::origin::{Provenance, may_deliver};
use iot_product_operator::plan::{Check, Claim, Facts, Listing, Need, Plan, Seen, need, plan};
use iot_product_operator::vendor::{Observed, Traits, alibaba, huawei, tencent, tencent_legacy};
use jiff::{SignedDuration, Timestamp};

const UID: &str = "0a1b2c3d-0000-4000-8000-000000000000";
const NAME: &str = "crown";
/// Attempts are told apart up to this one.
const ATTEMPTS: u32 = 3;

/// What the product's description carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carries {
    Nothing,
    /// The mark of an object that is not there any more, of another name.
    DeadMark,
    /// The mark of an object that lives.
    LivingMark,
    /// The mark of a former object of this namespace and name.
    FormerMark,
}

/// The product that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Product {
    Theirs,
    Own,
}

/// What the annotation holds of this object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Written {
    attempt: u32,
    open: bool,
    taken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    observe_only: bool,
    imports: bool,
    match_name: bool,
    suspended: bool,
    deleting: bool,
    finalizer: bool,
    recorded: Option<Product>,
    origin: Option<Origin>,
    adopted_mark: Option<String>,
    ledger: Option<Written>,
    /// There is a product that this object created.
    own: bool,
    gone: bool,
}

/// How it is recorded whose a found product is.
type Record = fn(&Observed, Claim, &Facts) -> Provenance;

#[derive(Clone, Copy)]
struct Setting {
    traits: &'static Traits,
    adoption: Adoption,
    carries: Carries,
    record: Record,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a moment")
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn mark() -> Mark {
    Mark::of("owner", "mallory", "plain", UID)
}

const LIVING: &str = "77777777-0000-4000-8000-000000000000";

impl Carries {
    fn description(self) -> String {
        let dead = "99999999-0000-4000-8000-000000000000";
        match self {
            Self::Nothing => "made in the console".into(),
            Self::DeadMark => Mark::of("owner", "alice", "crown", dead).append_to("hers"),
            Self::LivingMark => Mark::of("owner", "alice", "crown", LIVING).append_to("hers"),
            Self::FormerMark => Mark::of("owner", "mallory", "plain", dead).append_to("retained"),
        }
    }
}

fn lives(head: &str) -> bool {
    LIVING.starts_with(head)
}

impl Setting {
    fn theirs(&self) -> Observed {
        product("1", self.carries.description())
    }

    /// Whether the account and the mark let this object take the product over.
    fn may_be_taken(&self) -> bool {
        match self.carries {
            Carries::FormerMark => true,
            Carries::Nothing => self.adoption != Adoption::None,
            Carries::DeadMark => self.adoption == Adoption::Any,
            Carries::LivingMark => false,
        }
    }

    fn facts(&self, world: &World) -> Facts {
        let ledger = world.ledger.map(|written| Ledger {
            uid: UID.into(),
            connection: "c".into(),
            name: NAME.into(),
            attempt: written.attempt,
            deadline: ago(1_000),
            state: if written.open { LedgerState::Open } else { LedgerState::Closed },
            taken: written.taken.then(|| ago(900)),
        });
        Facts {
            mark: mark(),
            deleting: world.deleting,
            suspended: world.suspended,
            finalizer: world.finalizer,
            observe_only: world.observe_only,
            retain: false,
            match_name: world.match_name,
            adoption: self.adoption,
            name: NAME.into(),
            recorded: world.recorded.map(|product| id(product).to_owned()),
            previous: None,
            imported: world.imports.then(|| id(Product::Theirs).to_owned()),
            origin: world.origin,
            admitted: true,
            adopted_mark: world.adopted_mark.clone(),
            ledger,
            first_empty: Some(ago(500)),
            shown_here: true,
            mark_seen: false,
            rival: None,
            deleted: None,
            check: Check::Edit,
            force_forget: false,
            now: now(),
        }
    }

    fn see(&self, world: &World, need: &Need) -> Seen {
        let own = world.own.then(|| product("2", mark().append_to("own")));
        let all: Vec<Observed> = own.into_iter().chain([self.theirs()]).collect();
        match need {
            Need::Nothing => Seen::Nothing,
            Need::Known { id } | Need::Read { id } => match all.into_iter().find(|product| product.id == *id)
            {
                // What status remembers has the mark that was accepted.
                Some(known) if matches!(need, Need::Known { .. }) => {
                    Seen::Product(Box::new(Observed { description: mark().append_to("known"), ..known }))
                }
                Some(read) => Seen::Product(Box::new(read)),
                None => Seen::Absent { proved: true },
            },
            Need::List { .. } => Seen::List(Listing { begun: now(), products: Arc::from(all) }),
        }
    }

    /// One visit. What it did to the other's product that it had no right to.
    fn visit(&self, world: &mut World) -> Option<&'static str> {
        let facts = self.facts(world);
        let seen = self.see(world, &need(&facts, self.traits));
        let refused = !self.may_be_taken();
        match plan(&facts, self.traits, seen, &lives) {
            Plan::Create { attempt } => {
                world.finalizer = true;
                let attempt = attempt.min(ATTEMPTS);
                if self.traits.refuses_taken_names {
                    world.ledger = Some(Written { attempt, open: false, taken: true });
                } else {
                    world.ledger = Some(Written { attempt, open: true, taken: false });
                    (world.own, world.recorded, world.origin) =
                        (true, Some(Product::Own), Some(Origin::Created));
                }
            }
            Plan::Take { product, claim, .. } => {
                let provenance = (self.record)(&product, claim, &facts);
                world.finalizer = true;
                let attempt = world.ledger.map_or(0, |written| written.attempt);
                world.ledger = Some(Written { attempt, open: true, taken: false });
                (world.origin, world.adopted_mark) = (Some(provenance.origin), provenance.adopted_mark);
                world.recorded = Some(if product.id == "1" { Product::Theirs } else { Product::Own });
            }
            Plan::Keep { product } if product.id == "1" => {
                if world.origin == Some(Origin::Created) {
                    return Some("taken for its own creation, so that a password is made for it");
                }
                if refused && !facts.observe_only {
                    return Some("changed");
                }
                // What is shown for delivery is the product as it was read.
                if refused && may_deliver(&self.theirs(), &facts, &lives) {
                    return Some("delivered");
                }
            }
            Plan::Delete { product } if product.id == "1" && refused => return Some("deleted"),
            Plan::DeleteFound { product } if product.id == "1" && refused => {
                return Some("recorded to be deleted");
            }
            Plan::Delete { .. } | Plan::Gone | Plan::Forget { .. } | Plan::Done => {
                world.gone = world.deleting;
            }
            Plan::DeleteFound { product } => {
                let provenance = (self.record)(&product, Claim::Mark, &facts);
                (world.origin, world.adopted_mark) = (Some(provenance.origin), provenance.adopted_mark);
                world.recorded = Some(if product.id == "1" { Product::Theirs } else { Product::Own });
            }
            Plan::Keep { .. } | Plan::Wait(_) | Plan::Look { .. } | Plan::Recreate { .. } => {}
        }
        None
    }
}

fn id(product: Product) -> &'static str {
    match product {
        Product::Theirs => "1",
        Product::Own => "2",
    }
}

fn product(id: &str, description: String) -> Observed {
    Observed {
        id: id.into(),
        name: NAME.into(),
        description,
        serial: None,
        fields: BTreeMap::new(),
        secret: None,
        created_at: Some(i64::from(id == "2")),
        full: true,
    }
}

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

impl World {
    fn new() -> Self {
        Self {
            observe_only: false,
            imports: false,
            match_name: false,
            suspended: false,
            deleting: false,
            finalizer: false,
            recorded: None,
            origin: None,
            adopted_mark: None,
            ledger: None,
            own: false,
            gone: false,
        }
    }
}

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
