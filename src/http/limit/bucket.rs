//! One action: its pace, its lanes, and which of them is next. Time is an argument; nothing here waits.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::pace::Pace;
use super::queue::{Queue, Waiter};
use super::{Caller, FAIR_SHARE, Lane, Refused};

pub(super) struct Bucket {
    pub(super) pace: Pace,
    lanes: [Queue; 4],
    /// Tokens given while another lane was passed over.
    passed_over: u32,
    /// A task serves the queue.
    pub(super) served: bool,
    /// Tells that task to look again.
    pub(super) changed: Arc<Notify>,
}

impl Bucket {
    pub(super) fn new(budget: u32) -> Self {
        Self {
            pace: Pace::new(budget),
            lanes: Default::default(),
            passed_over: 0,
            served: false,
            changed: Arc::new(Notify::new()),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lanes.iter().all(Queue::is_empty)
    }

    pub(super) fn forget_cancelled(&mut self) {
        self.lanes.iter_mut().for_each(Queue::forget_cancelled);
    }

    pub(super) fn enqueue(&mut self, lane: Lane, waiter: Waiter) {
        self.lanes[lane as usize].push(waiter);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> {
        self.lanes.iter_mut().flat_map(Queue::drain)
    }

    /// Why a new caller is not let into the queue.
    pub(super) fn refuse(&mut self, caller: Caller, deadline: Instant, now: Instant) -> Option<Refused> {
        let Caller { lane, flow } = caller;
        let queue = &mut self.lanes[lane as usize];
        let full = lane != Lane::Edit && queue.is_full(flow, self.pace.spacing(now));
        if self.pace.is_paused_beyond(deadline.max(now)) {
            return Some(Refused::Paused { retry_after: queue.promise(flow, &self.pace, now) });
        }
        if full {
            return Some(Refused::Busy { retry_after: queue.promise(flow, &self.pace, now) });
        }
        // As early as it gets: other namespaces, other lanes and throttling only make it later.
        let ahead = queue.ahead(flow).min(100_000);
        let turn = self.pace.free_at(now).max(now) + self.pace.least_spacing() * ahead;
        (turn > deadline).then_some(Refused::Deadline)
    }

    /// Takes the caller out of the queue whose turn it is.
    pub(super) fn next(&mut self) -> Option<Waiter> {
        let first = self.lanes.iter().position(|lane| !lane.is_empty())?;
        let oldest_other = (first + 1..self.lanes.len())
            .filter_map(|index| Some((self.lanes[index].oldest()?, index)))
            .min();
        let Some((_, other)) = oldest_other else {
            return self.lanes[first].pop();
        };
        self.passed_over += 1;
        let chosen = if self.passed_over < FAIR_SHARE { first } else { other };
        if chosen == other {
            self.passed_over = 0;
        }
        self.lanes[chosen].pop()
    }
}
