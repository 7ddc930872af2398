//! The world of one object and one product that somebody else made: what the user wrote, what status and ledger hold, and
//! what a visit makes of it by the product's own decisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use iot_product_operator::api::{Adoption, Origin};
use iot_product_operator::plan::ledger::{Ledger, LedgerState};
use iot_product_operator::plan::mark::Mark;
use iot_product_operator::plan::origin::{Provenance, may_deliver};
use iot_product_operator::plan::{Check, Claim, Facts, Listing, Need, Plan, Seen, Trust, need, plan};
use iot_product_operator::vendor::{Observed, Traits};
use jiff::{SignedDuration, Timestamp};

pub(super) const UID: &str = "0a1b2c3d-0000-4000-8000-000000000000";
pub(super) const NAME: &str = "crown";
/// Attempts are told apart up to this one.
pub(super) const ATTEMPTS: u32 = 3;

/// What the product's description carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
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
pub(super) enum Product {
    Theirs,
    Own,
}

/// What the annotation holds of this object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Written {
    pub(super) attempt: u32,
    pub(super) open: bool,
    pub(super) taken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) observe_only: bool,
    pub(super) imports: bool,
    pub(super) match_name: bool,
    pub(super) suspended: bool,
    pub(super) deleting: bool,
    pub(super) finalizer: bool,
    pub(super) recorded: Option<Product>,
    pub(super) origin: Option<Origin>,
    pub(super) adopted_mark: Option<String>,
    pub(super) ledger: Option<Written>,
    /// There is a product that this object created.
    pub(super) own: bool,
    pub(super) gone: bool,
}

/// How it is recorded whose a found product is.
pub(super) type Record = fn(&Observed, Claim, &Facts) -> Provenance;

#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub(super) traits: &'static Traits,
    pub(super) adoption: Adoption,
    pub(super) carries: Carries,
    pub(super) record: Record,
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a moment")
}

pub(super) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

pub(super) fn mark() -> Mark {
    Mark::of("owner", "mallory", "plain", UID)
}

pub(super) const LIVING: &str = "77777777-0000-4000-8000-000000000000";

impl Carries {
    pub(super) fn description(self) -> String {
        let dead = "99999999-0000-4000-8000-000000000000";
        match self {
            Self::Nothing => "made in the console".into(),
            Self::DeadMark => Mark::of("owner", "alice", "crown", dead).append_to("hers"),
            Self::LivingMark => Mark::of("owner", "alice", "crown", LIVING).append_to("hers"),
            Self::FormerMark => Mark::of("owner", "mallory", "plain", dead).append_to("retained"),
        }
    }
}

pub(super) fn lives(head: &str) -> bool {
    LIVING.starts_with(head)
}

impl Setting {
    pub(super) fn theirs(&self) -> Observed {
        product("1", self.carries.description())
    }

    /// Whether the account and the mark let this object take the product over.
    pub(super) fn may_be_taken(&self) -> bool {
        match self.carries {
            Carries::FormerMark => true,
            Carries::Nothing => self.adoption != Adoption::None,
            Carries::DeadMark => self.adoption == Adoption::Any,
            Carries::LivingMark => false,
        }
    }

    pub(super) fn facts(&self, world: &World) -> Facts {
        let ledger = world.ledger.map(|written| Ledger {
            uid: UID.into(),
            connection: "c".into(),
            name: NAME.into(),
            attempt: written.attempt,
            deadline: ago(1_000),
            state: if written.open { LedgerState::Open } else { LedgerState::Closed },
            taken: written.taken.then(|| ago(900)),
            again: None,
        });
        Facts {
            mark: mark(),
            deleting: world.deleting,
            suspended: world.suspended,
            finalizer: world.finalizer,
            observe_only: world.observe_only,
            corrects: true,
            retain: false,
            match_name: world.match_name,
            adoption: self.adoption,
            name: NAME.into(),
            recorded: world.recorded.map(|product| id(product).to_owned()),
            serial: None,
            imported: world.imports.then(|| id(Product::Theirs).to_owned()),
            origin: world.origin,
            admitted: true,
            adopted_mark: world.adopted_mark.clone(),
            ledger,
            first_empty: Some(ago(500)),
            shown_here: true,
            trust: Trust::Shown,
            mark_seen: false,
            name_busy: false,
            name_news: None,
            rival: None,
            deleted: None,
            check: Check::Edit,
            force_forget: false,
            now: now(),
        }
    }

    pub(super) fn see(&self, world: &World, need: &Need) -> Seen {
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
                None => {
                    Seen::Absent { listing: Some(Listing { begun: now(), products: Arc::from(Vec::new()) }) }
                }
            },
            Need::List { .. } => Seen::List(Listing { begun: now(), products: Arc::from(all) }),
        }
    }

    /// One visit. What it did to the other's product that it had no right to.
    pub(super) fn visit(&self, world: &mut World) -> Option<&'static str> {
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

pub(super) fn id(product: Product) -> &'static str {
    match product {
        Product::Theirs => "1",
        Product::Own => "2",
    }
}

pub(super) fn product(id: &str, description: String) -> Observed {
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

impl World {
    pub(super) fn new() -> Self {
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
