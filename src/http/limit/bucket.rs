//! One action's tokens and queue. Time is an argument; nothing here waits.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::{FAIR_SHARE, Lane, MAX_WAITING, Permit, Refused};

/// The vendor's second, a little longer: two calls a second apart here may be less apart there.
const WINDOW: Duration = Duration::from_millis(1010);
/// Pause after a throttled answer without a hint.
const THROTTLE_PAUSE: Duration = Duration::from_secs(1);
/// No hint of a vendor is followed for longer than this.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// A caller is never sent away for longer, so that budget that others did not use is found again.
const LONGEST_TURN: Duration = Duration::from_mins(5);
/// Callers in a queue when the first of those who were sent away comes back.
const HALF_QUEUE: u32 = 8;
/// Share of the budget that a second without throttling gives back.
const RECOVERY: f64 = 0.1;
/// Throttling never brings a budget below this share of it.
const FLOOR: f64 = 1.0 / 16.0;

/// A caller in the queue.
pub(super) struct Waiter {
    pub(super) ticket: u64,
    pub(super) since: Instant,
    pub(super) sender: oneshot::Sender<Result<Permit, Refused>>,
}

/// A token that was given out.
struct Token {
    ticket: u64,
    /// When it was due; the next is due one spacing later, even if this one was a timer's tick late.
    due: Instant,
    /// When the vendor is thought to have seen the call.
    at: Instant,
}

pub(super) struct Bucket {
    /// Calls per second at the most.
    budget: u32,
    /// The last throttled answer and what it left of the budget.
    cut: Option<Cut>,
    /// The latest tokens in the order of `at`; older ones are out of every window.
    tokens: VecDeque<Token>,
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

struct Cut {
    at: Instant,
    paused_until: Instant,
    rate: f64,
}

/// A random number of [0, 1). Spreads; decides nothing that must not be guessed.
pub(super) fn fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

impl Bucket {
    pub(super) fn new(budget: u32) -> Self {
        Self {
            budget,
            cut: None,
            tokens: VecDeque::new(),
            lanes: Default::default(),
            passed_over: 0,
            promised: [None; 4],
            served: false,
            changed: Arc::new(Notify::new()),
        }
    }

    /// Changes the budget; calls that were sent still count.
    pub(super) fn set_budget(&mut self, budget: u32) {
        self.budget = budget;
    }

    fn rate(&self, now: Instant) -> f64 {
        let budget = f64::from(self.budget);
        self.cut.as_ref().map_or(budget, |cut| {
            let calm = now.saturating_duration_since(cut.paused_until).as_secs_f64().floor();
            (cut.rate + calm * budget * RECOVERY).min(budget)
        })
    }

    fn spacing(&self, now: Instant) -> Duration {
        WINDOW.div_f64(self.rate(now))
    }

    /// When the next token is there: never earlier than one spacing after the last, than a second after
    /// the call that is `budget` calls back, and than the end of a pause.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        let mut free = self.cut.as_ref().map_or(now, |cut| cut.paused_until);
        if let Some(due) = self.tokens.iter().map(|token| token.due).max() {
            free = free.max(due + self.spacing(now));
        }
        let window = self.tokens.len().checked_sub(self.budget as usize);
        if let Some(first) = window.and_then(|index| self.tokens.get(index)) {
            free = free.max(first.at + WINDOW);
        }
        free
    }

    pub(super) fn take(&mut self, ticket: u64, now: Instant) {
        // The tick of a timer is caught up with the next token, an idle time is not.
        let free = self.free_at(now);
        let due = if now.saturating_duration_since(free) < self.spacing(now) / 4 { free } else { now };
        self.book(Token { ticket, due, at: now });
    }

    /// Books a token whose call is the latest that the vendor sees.
    fn book(&mut self, token: Token) {
        self.tokens.push_back(token);
        while self.tokens.len() > self.budget as usize + 1 {
            self.tokens.pop_front();
        }
    }

    /// The call with this ticket, permitted at `granted`, is sent now.
    pub(super) fn mark_sent(&mut self, ticket: u64, granted: Instant, now: Instant) {
        let due = self.tokens.iter().find(|token| token.ticket == ticket).map_or(granted, |token| token.due);
        self.give_back(ticket);
        self.book(Token { ticket, due, at: now });
    }

    pub(super) fn give_back(&mut self, ticket: u64) {
        self.tokens.retain(|token| token.ticket != ticket);
    }

    /// Books a throttled answer to a call that was permitted at `granted`.
    pub(super) fn throttle(&mut self, granted: Instant, retry_after: Option<Duration>, now: Instant) {
        let pause = now + retry_after.unwrap_or(THROTTLE_PAUSE).min(LONGEST_PAUSE);
        let rate = self.rate(now);
        match &mut self.cut {
            // Calls under way when the rate was cut say nothing about the new rate.
            Some(cut) if granted <= cut.at => cut.paused_until = cut.paused_until.max(pause),
            cut => {
                let rate = (rate / 2.0).max(f64::from(self.budget) * FLOOR);
                *cut = Some(Cut { at: now, paused_until: pause, rate });
            }
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
        if self.cut.as_ref().is_some_and(|cut| cut.paused_until > deadline.max(now)) {
            return Some(Refused::Busy { retry_after: self.promise(lane, now) });
        }
        // As early as it gets: those ahead go first, other lanes and throttling only make it later.
        let spacing = WINDOW / self.budget;
        let turn = self.free_at(now) + spacing * u32::try_from(ahead).unwrap_or(u32::MAX).min(100_000);
        (turn > deadline).then_some(Refused::Deadline)
    }

    /// The next turn of this lane that was not promised to anybody yet. The first one comes when half
    /// of the queue is served, so that it neither runs dry nor overflows when callers are a little off.
    fn promise(&mut self, lane: Lane, now: Instant) -> Duration {
        let spacing = self.spacing(now);
        let ahead = u32::try_from(self.lanes[lane as usize].len()).unwrap_or(u32::MAX);
        let earliest = self.free_at(now) + spacing * ahead.min(HALF_QUEUE);
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
