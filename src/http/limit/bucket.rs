//! One action's queue, and who is next. Time is an argument; nothing here waits.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::pace::Pace;
use super::{FAIR_SHARE, Lane, MAX_WAITING, Permit, Refused};

/// A caller is never sent away for longer, so that budget that others did not use is found again.
const LONGEST_TURN: Duration = Duration::from_mins(5);
/// Callers in a queue when the first of those who were sent away comes back.
const HALF_QUEUE: u32 = 8;
/// A caller in the queue.
pub(super) struct Waiter {
    pub(super) ticket: u64,
    pub(super) since: Instant,
    pub(super) sender: oneshot::Sender<Result<Permit, Refused>>,
}

pub(super) struct Bucket {
    pub(super) pace: Pace,
    lanes: [VecDeque<Waiter>; 4],
    /// Tokens given while another lane was passed over.
    passed_over: u32,
    /// Per lane: the latest turn that was promised to a caller who was sent away.
    promised: [Option<Instant>; 4],
    /// A task serves the queue.
    pub(super) served: bool,
    /// Tells that task to look again.
    pub(super) changed: Arc<Notify>,
}

/// A random number of [0, 1). Spreads; decides nothing that must not be guessed.
pub(super) fn fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

impl Bucket {
    pub(super) fn new(budget: u32) -> Self {
        Self {
            pace: Pace::new(budget),
            lanes: Default::default(),
            passed_over: 0,
            promised: [None; 4],
            served: false,
            changed: Arc::new(Notify::new()),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    pub(super) fn forget_cancelled(&mut self) {
        for lane in &mut self.lanes {
            lane.retain(|waiter| !waiter.sender.is_closed());
        }
    }

    pub(super) fn enqueue(&mut self, lane: Lane, waiter: Waiter) {
        if self.lanes[lane as usize].is_empty() {
            // Nobody came back in time for the turns that were promised: promise earlier ones again.
            self.promised[lane as usize] = None;
        }
        self.lanes[lane as usize].push_back(waiter);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> {
        self.lanes.iter_mut().flat_map(|lane| lane.drain(..))
    }

    /// Why a new caller is not let into the queue.
    pub(super) fn refuse(&mut self, lane: Lane, deadline: Instant, now: Instant) -> Option<Refused> {
        let ahead = self.lanes[lane as usize].len();
        if lane != Lane::Edit && ahead >= MAX_WAITING {
            return Some(Refused::Busy { retry_after: self.promise(lane, now) });
        }
        if self.pace.is_paused_beyond(deadline.max(now)) {
            return Some(Refused::Busy { retry_after: self.promise(lane, now) });
        }
        // As early as it gets: those ahead go first, other lanes and throttling only make it later.
        let turn = self.pace.free_at(now).max(now)
            + self.pace.least_spacing() * u32::try_from(ahead).unwrap_or(u32::MAX).min(100_000);
        (turn > deadline).then_some(Refused::Deadline)
    }

    /// The next turn of this lane that was not promised to anybody yet. The first one comes when half
    /// of the queue is served, so that it neither runs dry nor overflows when callers are a little off.
    fn promise(&mut self, lane: Lane, now: Instant) -> Duration {
        let spacing = self.pace.spacing(now);
        let ahead = u32::try_from(self.lanes[lane as usize].len()).unwrap_or(u32::MAX);
        let earliest = self.pace.free_at(now).max(now) + spacing * ahead.min(HALF_QUEUE);
        let turn = self.promised[lane as usize].map_or(earliest, |last| earliest.max(last + spacing));
        if turn - now > LONGEST_TURN {
            self.promised[lane as usize] = Some(now + LONGEST_TURN);
            return LONGEST_TURN.mul_f64(0.5 + 0.5 * fraction());
        }
        self.promised[lane as usize] = Some(turn);
        (turn - now) + spacing.mul_f64(fraction())
    }

    /// Takes the caller out of the queue whose turn it is.
    pub(super) fn next(&mut self) -> Option<Waiter> {
        let first = self.lanes.iter().position(|lane| !lane.is_empty())?;
        let oldest_other = (first + 1..self.lanes.len())
            .filter_map(|index| Some((self.lanes[index].front()?.ticket, index)))
            .min();
        let Some((_, other)) = oldest_other else {
            return self.lanes[first].pop_front();
        };
        self.passed_over += 1;
        let chosen = if self.passed_over < FAIR_SHARE { first } else { other };
        if chosen == other {
            self.passed_over = 0;
        }
        self.lanes[chosen].pop_front()
    }
}
