//! The world: one object on the API server, one vendor account, and two controllers that both believe to lead.
//!
//! Time counts in ticks of ten seconds, relative to now: zero is now, and what lies further back than any rule
//! asks is moved up to the last tick that matters, so that the number of states is finite.

/// Relative time.
pub(crate) type Tick = i8;
/// Seconds of one tick: the distance that the protocol asks of two look-ups.
pub(crate) const TICK_SECONDS: i64 = 10;
/// A create's own deadline.
pub(crate) const LIMIT: Tick = 2;
/// Older times are alike: the longest rule but one asks for 60 s.
pub(crate) const OLD: Tick = -8;
/// The longest rule asks for 600 s since a name was said to be taken.
pub(crate) const LONG: Tick = 60;
pub(crate) const VERY_OLD: Tick = -LONG - 1;
/// A call may be late, and a list behind, by so much: 60 s.
pub(crate) const LATE: Tick = 6;

/// Who made a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Maker {
    Us,
    Stranger,
}

/// What a description carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Marked {
    Ours,
    Foreign,
    Plain,
}

/// A product at the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Thing {
    pub(crate) id: u8,
    pub(crate) name: u8,
    pub(crate) maker: Maker,
    pub(crate) marked: Marked,
    pub(crate) born: Tick,
    pub(crate) removed: Option<Tick>,
    /// Came from a call that was on its way when the name that kept it out was given up: the documented exception
    /// where taken names are refused.
    pub(crate) excused: bool,
}

/// A ledger, as the annotation holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) attempt: u8,
    pub(crate) name: u8,
    pub(crate) deadline: Tick,
    pub(crate) open: bool,
    pub(crate) taken: Option<Tick>,
    /// Attempt that was told first that the name is taken, and when one was told so last.
    pub(crate) again: Option<(u8, Tick)>,
}

impl Entry {
    /// The same text in the annotation. A deadline tells no two attempts apart that their numbers do not.
    pub(crate) fn same(self, other: Self) -> bool {
        Self { deadline: 0, ..self } == Self { deadline: 0, ..other }
    }
}

/// A create on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Request {
    /// Who waits for the answer, and the attempt that it answers.
    pub(crate) waits: Option<(u8, u8)>,
    pub(crate) name: u8,
    pub(crate) deadline: Tick,
    pub(crate) late: bool,
    pub(crate) excused: bool,
}

/// The object on the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) gone: bool,
    pub(crate) deleting: bool,
    pub(crate) finalizer: bool,
    pub(crate) name: u8,
    pub(crate) ledger: Option<Entry>,
    pub(crate) recorded: Option<u8>,
    pub(crate) previous: Option<u8>,
    /// `status.creationAttempt`.
    pub(crate) attempt: u8,
}

impl Object {
    /// Nothing was attempted for it, so it is decided upon as the store shows it (protocol, Create 1).
    pub(crate) fn untouched(&self) -> bool {
        let attempted = self.ledger.is_some() || self.attempt > 0 || self.previous.is_some();
        self.recorded.is_none() && !attempted && !self.deleting
    }
}

/// What a planned step is going to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Todo {
    Create { attempt: u8, name: u8 },
    Take { id: u8, surplus: Vec<u8> },
    Rename { id: u8, name: u8 },
    Recreate { id: u8 },
    Delete { id: u8 },
    Found { id: u8 },
    Release,
}

/// A vendor's answer to a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    Created(u8),
    Taken,
    Refused,
}

/// Where a controller stands between two of its calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    Idle,
    /// Decided. `fresh`: the object is as it was read, so a resourceVersion precondition holds.
    Planned {
        todo: Todo,
        fresh: bool,
    },
    Waiting {
        ledger: Entry,
        before: Option<Entry>,
    },
    Answered {
        ledger: Entry,
        before: Option<Entry>,
        answer: Answer,
    },
    /// The ledger of a found product is written, its id is not.
    Claiming {
        ledger: Entry,
        id: u8,
        surplus: Vec<u8>,
        sent: Option<u8>,
    },
    /// The vendor's side is done, the finalizer is not.
    Releasing {
        fresh: bool,
    },
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Controller {
    pub(crate) phase: Phase,
    pub(crate) ledger: Option<Entry>,
    /// What the two look-ups below are about: the recorded product, or else an attempt.
    pub(crate) sought: Option<(Option<u8>, u8)>,
    pub(crate) first_empty: Option<Tick>,
    pub(crate) deleted: Option<Tick>,
    /// It made the last write itself, so it knows an older copy when its store shows one.
    pub(crate) current: bool,
}

impl Controller {
    fn new() -> Self {
        Self {
            phase: Phase::Idle,
            ledger: None,
            sought: None,
            first_empty: None,
            deleted: None,
            current: false,
        }
    }
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Breach {
    ForeignDeleted,
    ForeignTaken,
    CreatedWhileRecorded,
    TwoRecorded,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Budget {
    /// Crashes, lost and late calls, refusals, strangers, losses.
    pub(crate) faults: u8,
    pub(crate) renames: u8,
    pub(crate) deletes: u8,
    /// Answers of a read that say "not found" of a product that is there; each is a fault, too.
    pub(crate) wrong: u8,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) object: Object,
    /// The last other version that recorded a product, or for which nothing was attempted: what a store that lags may
    /// still show. Any other is read anew before anything is decided (protocol, Create 1).
    pub(crate) stale: Option<Box<Object>>,
    pub(crate) things: Vec<Thing>,
    pub(crate) requests: Vec<Request>,
    pub(crate) controllers: [Controller; 2],
    pub(crate) made: u8,
    pub(crate) budget: Budget,
    pub(crate) breach: Option<Breach>,
}

impl State {
    pub(crate) fn new(budget: Budget) -> Self {
        let object = Object {
            gone: false,
            deleting: false,
            finalizer: false,
            name: 0,
            ledger: None,
            recorded: None,
            previous: None,
            attempt: 0,
        };
        Self {
            object,
            stale: None,
            things: Vec::new(),
            requests: Vec::new(),
            controllers: [Controller::new(), Controller::new()],
            made: 0,
            budget,
            breach: None,
        }
    }

    /// In a few words, for the story of a breach.
    pub(crate) fn brief(&self) -> String {
        let Object { gone, deleting, name, ledger, recorded, .. } = &self.object;
        let entry = |entry: &Option<Entry>| {
            entry.map_or_else(
                || "-".to_owned(),
                |e| {
                    let how = if e.open { "open" } else { "closed" };
                    let taken = e.taken.map_or(String::new(), |taken| format!(" taken {taken}"));
                    format!("#{} {how} name {} until {}{taken}", e.attempt, e.name, e.deadline)
                },
            )
        };
        let things: Vec<String> = self
            .things
            .iter()
            .map(|t| {
                let removed = t.removed.map_or(String::new(), |at| format!(" removed {at}"));
                format!("{} of {:?} name {} born {}{removed}", t.id, t.maker, t.name, t.born)
            })
            .collect();
        let processes: Vec<String> = self
            .controllers
            .iter()
            .map(|c| {
                format!("      {:?}, knows {}, first empty {:?}", c.phase, entry(&c.ledger), c.first_empty)
            })
            .collect();
        let requests: Vec<String> = self
            .requests
            .iter()
            .map(|r| format!("name {} for {:?} due {} late {}", r.name, r.waits, r.deadline, r.late))
            .collect();
        format!(
            "  name {name}, deleting {deleting}, gone {gone}, recorded {recorded:?}, ledger {}, products {things:?}, on the way {requests:?}\n{}",
            entry(ledger),
            processes.join("\n")
        )
    }

    /// One of two processes loses everything that it knew.
    pub(crate) fn restart(&mut self, controller: usize) {
        self.controllers[controller] = Controller::new();
    }

    pub(crate) fn thing(&self, id: u8) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.id == id && thing.removed.is_none())
    }

    /// Products of ours that exist, without those of the documented exception.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Thing> {
        self.things.iter().filter(|t| t.maker == Maker::Us && t.removed.is_none() && !t.excused)
    }

    /// Every controller is between two visits and nothing is on its way.
    pub(crate) fn quiet(&self) -> bool {
        self.requests.is_empty() && self.controllers.iter().all(|c| c.phase == Phase::Idle)
    }

    pub(crate) fn taken_now(&self, name: u8) -> bool {
        self.things.iter().any(|thing| thing.removed.is_none() && thing.name == name)
    }

    /// Gives a name up. Calls that it kept out are not kept out any more.
    pub(crate) fn free(&mut self, name: u8, unique: bool) {
        for request in self.requests.iter_mut().filter(|r| unique && r.name == name) {
            request.excused = true;
        }
    }

    pub(crate) fn remove(&mut self, id: u8, unique: bool) {
        let Some(at) = self.things.iter().position(|t| t.id == id && t.removed.is_none()) else { return };
        self.things[at].removed = Some(0);
        self.free(self.things[at].name, unique);
    }
}
