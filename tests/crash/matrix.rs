//! All cases, run on all cores, and the table of what became of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::case::{Case, Report};
use crate::fault::{self, Fault};
use crate::gate::{Side, Step};
use crate::operation::Operation;
use crate::vendor::Vendor;

/// A run that went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) seed: String,
    pub(crate) why: String,
}

/// Runs and failures of one cell of the table.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) runs: usize,
    pub(crate) failures: usize,
}

/// What became of many runs.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) cells: BTreeMap<(Operation, &'static str, &'static str), Cell>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) runs: usize,
    pub(crate) took: Duration,
    /// The longest simulated time until all was good, and the case that took it.
    pub(crate) slowest: (Duration, String),
    /// Most vendor calls of a run.
    pub(crate) calls: (usize, String),
    /// Pairs of two faults that were run.
    pub(crate) pairs: usize,
    /// Pairs that there are.
    pub(crate) all_pairs: usize,
}

impl Tally {
    /// Runs in a second.
    pub(crate) fn rate(&self) -> f64 {
        let runs = u32::try_from(self.runs).unwrap_or(u32::MAX);
        f64::from(runs) / self.took.as_secs_f64()
    }

    fn add(&mut self, case: &Case, report: &Report, more_pairs: usize) {
        self.all_pairs += more_pairs;
        let class = match case.plan.as_slice() {
            [] => "none",
            [(_, fault)] => fault.class(),
            _ => "two faults",
        };
        let cell = self.cells.entry((case.operation, class, case.vendor.name())).or_default();
        cell.runs += 1;
        self.runs += 1;
        self.pairs += usize::from(case.plan.len() > 1);
        if report.took > self.slowest.0 {
            self.slowest = (report.took, case.to_string());
        }
        let calls = report.steps.iter().filter(|step| step.side == Side::Vendor).count();
        if calls > self.calls.0 {
            self.calls = (calls, case.to_string());
        }
        if self.runs.is_multiple_of(20_000) {
            eprintln!("{} runs, {} failures", self.runs, self.failures.len());
        }
        if let Some(why) = &report.wrong {
            eprintln!("CRASH_REPLAY='{case}': {why}");
            cell.failures += 1;
            self.failures.push(Failure { seed: case.to_string(), why: why.clone() });
        }
    }
}

/// The faults that a request can suffer.
fn faults(step: &Step, vendor: Vendor) -> Vec<Fault> {
    match step.side {
        Side::Api => fault::of_api(),
        Side::Vendor => fault::of_vendor(vendor.name()),
    }
}

/// What follows a run: the same with one more fault, at each request that it made after its last one.
pub(crate) fn with_one_more(case: &Case, report: &Report) -> Vec<Case> {
    let first = case.plan.last().map_or(0, |(at, _)| at + 1);
    let requests = report.steps.iter().enumerate().take(report.until_good).skip(first);
    requests
        .flat_map(|(at, step)| {
            faults(step, case.vendor).into_iter().map(move |fault| {
                let mut plan = case.plan.clone();
                plan.push((at, fault));
                Case { plan, ..case.clone() }
            })
        })
        .collect()
}

/// Every operation that a vendor has, without a fault.
pub(crate) fn plain() -> Vec<Case> {
    let all = Operation::ALL.into_iter().flat_map(|operation| Vendor::ALL.map(|vendor| (vendor, operation)));
    all.filter(|(vendor, operation)| operation.applies(*vendor))
        .map(|(vendor, operation)| Case { vendor, operation, plan: Vec::new() })
        .collect()
}

/// What is still to be run: first every single fault, which tells what pairs there are; then pairs by chance, as
/// long as there is time, so that what was run is a fair part of all.
struct Queue {
    singles: Vec<Case>,
    pairs: Vec<Case>,
    chance: fastrand::Rng,
    end: Option<Instant>,
}

impl Queue {
    fn next(&mut self) -> Option<Case> {
        if let Some(case) = self.singles.pop() {
            return Some(case);
        }
        let over = self.end.is_some_and(|end| Instant::now() >= end);
        (!over && !self.pairs.is_empty()).then(|| {
            let at = self.chance.usize(..self.pairs.len());
            self.pairs.swap_remove(at)
        })
    }

    /// What follows a run is run, too.
    fn follow(&mut self, case: &Case, report: &Report) -> usize {
        let pairs =
            matches!(case.operation, Operation::Create | Operation::Delete | Operation::DeleteCreating);
        match case.plan.len() {
            _ if report.wrong.is_some() => {}
            0 => self.singles.extend(with_one_more(case, report)),
            1 if pairs => {
                let pairs = with_one_more(case, report);
                let count = pairs.len();
                self.pairs.extend(pairs);
                return count;
            }
            _ => {}
        }
        0
    }
}

/// Runs cases on all cores, then each with every single fault; and for creations and deletions with every pair of two, of
/// which as many are taken as there is time for.
pub(crate) fn run(cases: Vec<Case>, time_for_pairs: Option<Duration>) -> Tally {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let end = time_for_pairs.map(|time| begun + time);
    let queue = Queue { singles: cases, pairs: Vec::new(), chance: fastrand::Rng::with_seed(1), end };
    let (queue, tally, busy) = (Mutex::new(queue), Mutex::new(Tally::default()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = {
                        let mut queue = queue.lock().unwrap();
                        let next = queue.next();
                        busy.fetch_add(usize::from(next.is_some()), Ordering::SeqCst);
                        next
                    };
                    let Some(case) = next else {
                        if busy.load(Ordering::SeqCst) == 0 {
                            return;
                        }
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    };
                    let report = case.run();
                    let pairs = queue.lock().unwrap().follow(&case, &report);
                    tally.lock().unwrap().add(&case, &report, pairs);
                    busy.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap();
    tally.failures.sort_by(|a, b| a.seed.cmp(&b.seed));
    tally.took = begun.elapsed();
    tally
}
