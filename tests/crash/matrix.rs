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
}

impl Tally {
    /// Runs in a second.
    pub(crate) fn rate(&self) -> f64 {
        let runs = u32::try_from(self.runs).unwrap_or(u32::MAX);
        f64::from(runs) / self.took.as_secs_f64()
    }

    fn add(&mut self, case: &Case, report: &Report) {
        let class = match case.plan.as_slice() {
            [] => "none",
            [(_, fault)] => fault.class(),
            _ => "two faults",
        };
        let cell = self.cells.entry((case.operation, class, case.vendor.name())).or_default();
        cell.runs += 1;
        self.runs += 1;
        if report.took > self.slowest.0 {
            self.slowest = (report.took, case.to_string());
        }
        let calls = report.steps.iter().filter(|step| step.side == Side::Vendor).count();
        if calls > self.calls.0 {
            self.calls = (calls, case.to_string());
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

/// Runs cases on all cores. What `more` makes of a case and its report is run, too.
pub(crate) fn run(cases: Vec<Case>, more: impl Fn(&Case, &Report) -> Vec<Case> + Sync) -> Tally {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tally = Mutex::new(Tally::default());
    let (queue, busy) = (Mutex::new(cases), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = {
                        let mut queue = queue.lock().unwrap();
                        let next = queue.pop();
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
                    queue.lock().unwrap().extend(more(&case, &report));
                    tally.lock().unwrap().add(&case, &report);
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

/// Every single fault, and for create and delete every pair of two of which every `stride`-th is taken.
pub(crate) fn follow(stride: usize) -> impl Fn(&Case, &Report) -> Vec<Case> + Sync {
    move |case, report| {
        let pairs = matches!(case.operation, Operation::Create | Operation::Delete);
        match case.plan.len() {
            _ if report.wrong.is_some() => Vec::new(),
            0 => with_one_more(case, report),
            1 if pairs && stride > 0 => {
                let offset = case.to_string().bytes().map(usize::from).sum::<usize>() % stride;
                with_one_more(case, report).into_iter().skip(offset).step_by(stride).collect()
            }
            _ => Vec::new(),
        }
    }
}
