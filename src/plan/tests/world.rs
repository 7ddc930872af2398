//! A small world: one object, one vendor, and everything that can go wrong between them. `walk.rs` goes
//! through every interleaving.
//!
//! The vendor applies a create at once, late or never, loses answers, shows products late in its lists, and
//! refuses taken names or not. The process is woken early, restarts and lag, and its user edits the name
//! and deletes. What the plan is asked is what the pipeline asks; nothing here repeats its rules.

use super::walk::{Bounds, Rules};
use super::*;

/// How long a call may last, in seconds.
const LIMIT: i64 = 20;
/// Names that the user gives, in this order.
const NAMES: [&str; 2] = ["thermostat", "edited"];

#[derive(Clone, PartialEq, Eq, Hash)]
struct Thing {
    name: usize,
    /// Of the object; a stranger's has none.
    attempt: Option<u32>,
    /// When the create has its effect.
    exists: i64,
    shown: i64,
    removed: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: i64,
    name: usize,
    things: Vec<Thing>,
    /// Attempt, name, deadline, whether it is open, and when the name was said to be taken.
    ledger: Option<(u32, usize, i64, bool, Option<i64>)>,
    first_empty: Option<i64>,
    recorded: Option<usize>,
    previous: Option<usize>,
    deleting: bool,
    pub(super) gone: bool,
    /// What may still happen: early wake-ups, restarts, disappearances.
    early: u8,
    restarts: u8,
    losses: u8,
}

/// A way into which the world can go on.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    AnswerLost,
    Late,
    Never,
    Refused,
}

impl World {
    pub(super) fn new(bounds: Bounds) -> Self {
        let mut world = Self {
            now: 0,
            name: 0,
            things: Vec::new(),
            ledger: None,
            first_empty: None,
            recorded: None,
            previous: None,
            deleting: false,
            gone: false,
            early: 2,
            restarts: 1,
            losses: bounds.losses,
        };
        if bounds.stranger {
            world.things.push(Thing { name: 0, attempt: None, exists: -100, shown: -100, removed: None });
        }
        world
    }

    /// The user gives the other name.
    pub(super) fn edit(&mut self) {
        self.name = 1;
    }

    /// What was asked for is done.
    pub(super) fn settled(&self) -> bool {
        self.gone || (!self.deleting && self.recorded.is_some_and(|id| self.exists(id)))
    }

    /// A late create meets the vendor's rule when it comes.
    pub(super) fn arrive(&mut self, bounds: Bounds) {
        for i in 0..self.things.len() {
            let Thing { name, exists, .. } = self.things[i];
            let taken = self.things.iter().enumerate().any(|(j, other)| {
                j != i
                    && other.name == name
                    && (other.exists, j) < (exists, i)
                    && other.removed.is_none_or(|removed| removed > exists)
            });
            if bounds.unique && taken && exists <= self.now && self.things[i].removed.is_none() {
                self.things[i].removed = Some(exists);
            }
        }
    }

    fn exists(&self, id: usize) -> bool {
        let thing = &self.things[id];
        thing.exists <= self.now && thing.removed.is_none()
    }

    /// The promise. Where names are refused it ends with the name: a call that comes after its deadline, when
    /// the product that held the name was deleted, has its effect.
    pub(super) fn breach(&self, bounds: Bounds) -> Option<&'static str> {
        let ours: Vec<usize> =
            (0..self.things.len()).filter(|id| self.things[*id].attempt.is_some()).collect();
        let last = self.ledger.map(|ledger| ledger.0).filter(|_| self.recorded.is_none());
        let coming = |id: &&usize| {
            let thing = &self.things[**id];
            let counts = !bounds.unique || thing.attempt == last;
            thing.removed.is_none() && (thing.exists <= self.now || counts)
        };
        if ours.iter().filter(|id| self.exists(**id)).count() > 1 {
            Some("two products")
        } else if self.gone && ours.iter().any(|id| coming(&id)) {
            Some("a product is left over")
        } else {
            None
        }
    }

    /// What may happen before a visit.
    pub(super) fn events(&self, bounds: Bounds) -> Vec<(&'static str, Self)> {
        let mut events = vec![("", self.clone())];
        if self.ledger.is_some() && self.recorded.is_none() {
            if self.name == 0 {
                events.push((" edited,", Self { name: 1, ..self.clone() }));
            }
            if self.restarts > 0 && self.first_empty.is_some() {
                let restarts = self.restarts - 1;
                events.push((" restarted,", Self { restarts, first_empty: None, ..self.clone() }));
            }
        }
        if bounds.deletes && self.ledger.is_some() && !self.deleting {
            events.push((" deleted,", Self { deleting: true, ..self.clone() }));
        }
        if let Some(id) = self.recorded.filter(|id| self.losses > 0 && self.exists(*id)) {
            let mut lost = Self { losses: self.losses - 1, ..self.clone() };
            lost.remove(id);
            events.push((" lost,", lost));
        }
        events
    }

    fn remove(&mut self, id: usize) {
        self.things[id].removed = Some(self.now);
    }

    fn facts(&self, rules: &Rules) -> Facts {
        let ledger = self.ledger.map(|(attempt, name, deadline, is_open, taken)| {
            let ledger = Ledger { attempt, name: NAMES[name].into(), ..open(deadline) };
            if is_open { ledger } else { ledger.closed(taken.map(at)) }
        });
        let mut facts = Facts {
            now: at(self.now),
            name: NAMES[self.name].into(),
            deleting: self.deleting,
            recorded: self.recorded.map(|id| id.to_string()),
            previous: self.previous.map(|id| id.to_string()),
            first_empty: self.first_empty.map(at),
            check: Check::Full,
            ledger,
            ..facts()
        };
        (rules.blur)(&mut facts);
        facts
    }

    /// Begins of the list that may answer: one that is shared, or one of its own.
    pub(super) fn begins(&self, rules: &Rules) -> Vec<i64> {
        match need(&self.facts(rules), rules.believes) {
            Need::List { begun_after } => {
                let oldest = begun_after.duration_since(at(0)).as_secs().clamp(0, self.now);
                if oldest < self.now { vec![oldest, self.now] } else { vec![self.now] }
            }
            _ => vec![self.now],
        }
    }

    /// The vendor's lists run behind its other answers.
    fn listing(&self, begun: i64, lag: i64) -> Listing {
        let shown =
            |thing: &Thing| thing.shown <= begun && thing.removed.is_none_or(|removed| removed + lag > begun);
        let products = self.things.iter().enumerate().filter(|(_, thing)| shown(thing)).map(|(id, thing)| {
            let mark = if thing.attempt.is_some() { ours() } else { foreign() };
            product(&id.to_string(), NAMES[thing.name], Some(&mark))
        });
        Listing { begun: at(begun), products: products.collect() }
    }

    pub(super) fn decide(&self, rules: &Rules, begun: i64, lag: i64) -> Plan {
        let facts = self.facts(rules);
        let seen = match need(&facts, rules.believes) {
            Need::Nothing => Seen::Nothing,
            Need::Known { id } | Need::Read { id } => {
                let index: usize = id.parse().unwrap();
                if self.exists(index) {
                    read(product(&id, NAMES[self.things[index].name], Some(&ours())))
                } else {
                    Seen::Absent { proved: true }
                }
            }
            Need::List { .. } => Seen::List(self.listing(begun, lag)),
        };
        let plan = decide(&facts, rules.believes, seen);
        (rules.bend)(&facts, plan)
    }

    /// Every way in which carrying the plan out may end; the one where all goes well is the first.
    pub(super) fn act(&self, plan: &Plan, begun: i64, bounds: Bounds) -> Vec<(String, Self)> {
        let mut next = self.clone();
        if let Some((.., deadline, true, _)) = self.ledger
            && self.recorded.is_none()
            && begun >= deadline
        {
            next.first_empty.get_or_insert(begun);
        }
        match plan {
            Plan::Wait(wait) => {
                let after = i64::try_from(wait.after.as_secs()).unwrap();
                let mut ways = vec![(String::new(), Self { now: next.now + after, ..next.clone() })];
                if next.early > 0 && after > 1 {
                    let early = next.early - 1;
                    ways.push(("and is woken early".into(), Self { now: next.now + 1, early, ..next }));
                }
                ways
            }
            Plan::Look { after } => {
                let after = i64::try_from(after.as_secs()).unwrap();
                vec![(String::new(), Self { now: next.now + after, ..next })]
            }
            Plan::Create { attempt } => next.create(*attempt, bounds),
            Plan::Take { product, surplus, .. } => {
                next.record(product);
                let name = next.ledger.map(|ledger| NAMES[ledger.1]);
                for other in surplus.iter().filter(|other| Some(other.name.as_str()) == name) {
                    next.remove(other.id.parse().unwrap());
                }
                next.ledger =
                    next.ledger.map(|(attempt, name, deadline, _, _)| (attempt, name, deadline, false, None));
                vec![(String::new(), next)]
            }
            Plan::DeleteFound { product } => {
                next.record(product);
                vec![(String::new(), next)]
            }
            Plan::Recreate { .. } => {
                next.previous = next.recorded.take();
                next.now += 1;
                vec![(String::new(), next)]
            }
            Plan::Delete { product } => {
                next.remove(product.id.parse().unwrap());
                next.now += 1;
                vec![(String::new(), next)]
            }
            Plan::Gone => {
                next.gone = true;
                vec![(String::new(), next)]
            }
            Plan::Keep { .. } => vec![(String::new(), Self { now: next.now + 1, ..next })],
            Plan::Forget { .. } | Plan::Done => Vec::new(),
        }
    }

    fn record(&mut self, product: &Observed) {
        assert!(self.recorded.is_none(), "one id at a time");
        self.recorded = Some(product.id.parse().unwrap());
    }

    fn create(&self, attempt: u32, bounds: Bounds) -> Vec<(String, Self)> {
        assert!(self.ledger.is_none_or(|ledger| ledger.0 < attempt), "attempts only go up");
        let mut fates = vec![Fate::Answered, Fate::AnswerLost, Fate::Late, Fate::Never];
        if bounds.refusals {
            fates.push(Fate::Refused);
        }
        if attempt > 3 {
            fates.truncate(1);
        }
        fates.into_iter().map(|fate| (format!("({fate:?})"), self.fated(fate, attempt, bounds))).collect()
    }

    fn fated(&self, fate: Fate, attempt: u32, bounds: Bounds) -> Self {
        let mut next = self.clone();
        next.first_empty = None;
        let deadline = self.now + LIMIT;
        let ledger = |is_open, taken| Some((attempt, self.name, deadline, is_open, taken));
        next.ledger = ledger(true, None);
        let taken = bounds.unique
            && (0..self.things.len()).any(|i| self.things[i].name == self.name && self.exists(i));
        let exists = match fate {
            Fate::Answered | Fate::AnswerLost => self.now,
            Fate::Late => deadline + bounds.late,
            Fate::Never | Fate::Refused => i64::MAX,
        };
        match fate {
            Fate::Answered if taken => next.ledger = ledger(false, Some(self.now)),
            Fate::Refused => next.ledger = ledger(false, None),
            Fate::AnswerLost if taken => {}
            Fate::Never => {}
            Fate::Answered | Fate::AnswerLost | Fate::Late => {
                let shown = exists + bounds.lag;
                next.things.push(Thing {
                    name: self.name,
                    attempt: Some(attempt),
                    exists,
                    shown,
                    removed: None,
                });
            }
        }
        if matches!(fate, Fate::Answered) && !taken {
            next.recorded = Some(next.things.len() - 1);
            // Status tells which attempt led to the id.
            next.ledger = ledger(false, None);
        }
        next.now += 1;
        next
    }
}
