//! One lane's callers: namespaces take turns, and within one who came first is served first. Time is an argument; nothing
//! here waits.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pace::Pace;
use super::spread::fraction;
use super::{MAX_WAITING, Permit, Refused};

/// A caller is never sent away for longer, so that budget that others did not use is found again.
const LONGEST_TURN: Duration = Duration::from_mins(5);
/// Callers in a queue when the first of those who were sent away comes back.
const HALF_QUEUE: u32 = 8;
/// In a full queue the first caller of a namespace still finds a place, up to this many in all.
const MOST_WAITING: usize = MAX_WAITING + MAX_WAITING / 2;

/// Nobody is sent away whose turn comes sooner: to wait costs less than to come back.
const SOON: Duration = Duration::from_millis(250);

/// Whose calls take turns with others' in one lane: a namespace's. The default is the account's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flow(u64);

impl Flow {
    /// The calls for objects of a namespace.
    pub fn of(namespace: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        namespace.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A caller in the queue.
pub(super) struct Waiter {
    pub(super) ticket: u64,
    pub(super) flow: Flow,
    pub(super) since: Instant,
    pub(super) sender: oneshot::Sender<Result<Permit, Refused>>,
}

/// The callers of one lane who wait, and what the others were told.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiter>,
    /// By namespace: the number of the token that it was given last. Forgotten when nobody waits.
    last_token: HashMap<Flow, u64>,
    tokens: u64,
    /// By namespace: the latest turn that was promised to a caller who was sent away.
    promised: HashMap<Flow, Instant>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn forget_cancelled(&mut self) {
        self.waiting.retain(|waiter| !waiter.sender.is_closed());
    }

    pub(super) fn push(&mut self, waiter: Waiter) {
        if self.waiting.is_empty() {
            // Nobody came back in time for the turns that were promised: promise earlier ones again.
            self.promised.clear();
            self.last_token.clear();
        }
        self.waiting.push_back(waiter);
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> {
        self.waiting.drain(..)
    }

    /// Ticket of the caller who waits longest.
    pub(super) fn oldest(&self) -> Option<u64> {
        Some(self.waiting.front()?.ticket)
    }

    /// Takes out the first caller of the namespace whose last token is the longest ago.
    pub(super) fn pop(&mut self) -> Option<Waiter> {
        let last_token = |flow| self.last_token.get(flow).copied().unwrap_or_default();
        let turns = self.waiting.iter().enumerate().map(|(index, waiter)| (last_token(&waiter.flow), index));
        let (_, index) = turns.min()?;
        let waiter = self.waiting.remove(index)?;
        self.tokens += 1;
        self.last_token.insert(waiter.flow, self.tokens);
        Some(waiter)
    }

    /// Callers of a namespace who wait. At least so many go before the next one of it.
    pub(super) fn ahead(&self, flow: Flow) -> u32 {
        let ahead = self.waiting.iter().filter(|waiter| waiter.flow == flow).count();
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }

    /// Whether the next caller of a namespace has to come back later.
    pub(super) fn is_full(&self, flow: Flow, spacing: Duration) -> bool {
        let most = if self.ahead(flow) == 0 { MOST_WAITING } else { MAX_WAITING };
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.waiting.len() >= most && spacing.saturating_mul(waiting) > SOON
    }

    /// The next turn of a namespace that was not promised to anybody yet. The first one comes when half of the queue is
    /// served, so that it neither runs dry nor overflows when callers are a little off.
    pub(super) fn promise(&mut self, flow: Flow, pace: &Pace, now: Instant) -> Duration {
        let spacing = pace.spacing(now);
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let earliest = pace.free_at(now).max(now) + spacing * waiting.min(HALF_QUEUE);
        self.promised.retain(|_, turn| *turn > now);
        let turn = match self.promised.get(&flow) {
            Some(last) => earliest.max(*last + spacing * self.namespaces(flow)),
            None => earliest + spacing * u32::try_from(self.promised.len()).unwrap_or(u32::MAX).min(100_000),
        };
        if turn - now > LONGEST_TURN {
            self.promised.insert(flow, now + LONGEST_TURN);
            return LONGEST_TURN.mul_f64(0.5 + 0.5 * fraction());
        }
        self.promised.insert(flow, turn);
        (turn - now) + spacing.mul_f64(fraction())
    }

    /// Namespaces that share the budget with this one, itself included.
    fn namespaces(&self, flow: Flow) -> u32 {
        let waiting = self.waiting.iter().map(|waiter| waiter.flow);
        let all: HashSet<Flow> = waiting.chain(self.promised.keys().copied()).chain([flow]).collect();
        u32::try_from(all.len()).unwrap_or(u32::MAX).min(100_000)
    }
}
