//! One run: an operation at a vendor, with faults at some of its requests.

use std::time::Duration;

use tokio::time::Instant;

use crate::check::{Before, judge, says_ready};
use crate::fault::Fault;
use crate::gate::{Planned, Side, Step};
use crate::operation::Operation;
use crate::vendor::Vendor;
use crate::world::World;

/// Faults are over and time goes on so long at most.
const PATIENCE: Duration = Duration::from_hours(3);
/// What is good has to stay so: this long, and longer where a fault's effect may still come.
const STAYS: Duration = Duration::from_secs(20);
const STAYS_LONGER: Duration = Duration::from_mins(12);

/// An object older than this has the condition Ready.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// The longest wait for an answer of the API server, and the pause after it.
const API_SILENCE: Duration = Duration::from_secs(32);

/// What is run. Its text is the seed that replays it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) vendor: Vendor,
    pub(crate) operation: Operation,
    pub(crate) plan: Vec<Planned>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    /// Steps up to the moment from which everything was good.
    pub(crate) until_good: usize,
    /// Simulated time up to then.
    pub(crate) took: Duration,
    /// What is wrong.
    pub(crate) wrong: Option<String>,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plan: Vec<String> = self.plan.iter().map(|(at, fault)| format!("{at}:{fault}")).collect();
        write!(f, "{}/{}/{}", self.vendor.name(), self.operation.name(), plan.join(","))
    }
}

impl Case {
    /// Reads a seed.
    pub(crate) fn parse(seed: &str) -> Option<Self> {
        let mut parts = seed.trim().splitn(3, '/');
        let vendor = parts.next()?;
        let vendor = Vendor::ALL.into_iter().find(|known| known.name() == vendor)?;
        let operation = parts.next()?;
        let operation = Operation::ALL.into_iter().find(|known| known.name() == operation)?;
        let plan = parts.next().unwrap_or_default().split(',').filter(|text| !text.is_empty());
        let plan = plan.map(|text| {
            let (at, fault) = text.split_once(':')?;
            Some((at.parse().ok()?, Fault::parse(fault)?))
        });
        Some(Self { vendor, operation, plan: plan.collect::<Option<_>>()? })
    }

    /// Runs it, on a runtime of its own whose clock jumps.
    pub(crate) fn run(&self) -> Report {
        runtime().block_on(self.played())
    }

    async fn played(&self) -> Report {
        let mut world = World::new(self.vendor).await;
        if let Err(wrong) = self.operation.prepare(&mut world).await {
            return Report {
                steps: world.gate.steps(),
                until_good: 0,
                took: Duration::ZERO,
                wrong: Some(wrong),
            };
        }
        let before = Before::of(&world, self.operation, &self.plan);
        world.gate.arm(self.plan.clone());
        self.operation.act(&mut world).await;
        let begun = Instant::now();
        let stays = if self.plan.iter().any(|(_, fault)| fault.lingers()) { STAYS_LONGER } else { STAYS };
        let mut good: Option<(Instant, usize)> = None;
        let mut wrong = None;
        let mut bare = Bare::default();
        while begun.elapsed() < PATIENCE {
            match judge(&world, self.operation, &before) {
                Ok(()) => {
                    let since = good.get_or_insert_with(|| (Instant::now(), world.gate.count())).0;
                    wrong = None;
                    if since.elapsed() >= stays {
                        break;
                    }
                }
                Err(why) => (good, wrong) = (None, Some(why)),
            }
            let pace = if begun.elapsed() < Duration::from_secs(20) { 500 } else { 5_000 };
            world.pass(Duration::from_millis(pace)).await;
            bare.look(&world);
        }
        let steps = world.gate.steps();
        let (took, until_good) =
            good.map_or((begun.elapsed(), steps.len()), |(at, count)| (at - begun, count));
        let wrong = wrong.or_else(|| bare.too_long(&steps)).or_else(|| too_many(&steps, self.plan.len()));
        Report { steps, until_good, took, wrong }
    }
}

/// For how long the object was without the condition Ready.
#[derive(Default)]
struct Bare {
    since: Option<Instant>,
    longest: Duration,
}

impl Bare {
    fn look(&mut self, world: &World) {
        let object = world.object().filter(|object| !says_ready(object));
        self.since = object.map(|_| self.since.unwrap_or_else(Instant::now));
        self.longest = self.longest.max(self.since.map_or(Duration::ZERO, |since| since.elapsed()));
    }

    /// Whatever the vendor does, the condition is there within seconds. A write may wait for an API server that does not
    /// answer, and a process that died for the next one.
    fn too_long(&self, steps: &[Step]) -> Option<String> {
        let allowed = steps.iter().filter_map(|step| Some((step.side, step.fault?))).map(|(side, fault)| {
            match (side, fault) {
                (_, Fault::DieBefore | Fault::DieAfter | Fault::DieAnswered) => Duration::from_secs(5),
                (Side::Api, _) => API_SILENCE,
                (Side::Vendor, _) => Duration::ZERO,
            }
        });
        let allowed = READY_WITHIN + allowed.sum::<Duration>();
        let longest = self.longest;
        (longest > allowed).then(|| format!("no condition Ready for {longest:?}, longer than {allowed:?}"))
    }
}

/// A runtime whose clock jumps.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// No run may need more calls than this.
fn too_many(steps: &[Step], faults: usize) -> Option<String> {
    let calls = steps.iter().filter(|step| step.side == Side::Vendor).count();
    let most = 30 + 40 * faults;
    (calls > most).then(|| format!("{calls} vendor calls, more than {most}"))
}
