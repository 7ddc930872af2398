//! The vendor's request budget, shared by everything that uses one vendor account.
//!
//! Vendors count calls per action and second, and a refused call costs more than a late one. So each
//! action has a bucket that holds one token: `n` per second are one every `1/n` s, and never more than
//! `n` in any second, also right after the start. Between token and call lies a caller's own work, which takes now more and
//! now less time, so the second is kept once more where a call is sent.
//!
//! - **Lanes**: waiting callers are served by [`Lane`]. An edit therefore waits for at most two tokens, however many
//!   creations there are, plus one per earlier edit.
//! - **Turns**: within a lane namespaces take turns ([`Flow`]), and within one who came first is served first, so that
//!   two thousand creations of one namespace cost another's single one a token and not two thousand.
//! - **Fairness**: when a lane is passed over [`FAIR_SHARE`]` - 1` times, the next token goes to the oldest
//!   caller of the lanes passed over, so a storm of edits delays drift checks but does not end them.
//! - **Nobody blocks behind the queue**: of every lane but [`Lane::Edit`] at most [`MAX_WAITING`] callers
//!   wait, and half as many again who are the first of their namespace, and whoever's turn comes in a moment; the others
//!   are told at once when to come back, each at its own time, one token apart.
//! - **Back-off**: a throttled answer halves the action's rate and pauses it for the vendor's hint; every
//!   second without one gives a tenth of the budget back. Five unavailable answers in a row open the
//!   account's circuit breaker, which then lets one call through at growing intervals.

mod breaker;
mod bucket;
mod pace;
mod permit;
mod queue;
mod settings;
mod spread;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use breaker::{Breaker, Verdict};
use bucket::Bucket;
pub use permit::{Outcome, Permit};
pub use queue::Flow;
use queue::Waiter;
pub use settings::{Budget, LimitSettings};

/// Callers of one lane, other than edits, that may wait for one action.
pub const MAX_WAITING: usize = 16;

/// Of this many tokens one goes to the lanes that were passed over by the others.
pub const FAIR_SHARE: u32 = 8;

/// What a call is for; earlier lanes go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// A user changed a product and waits for it.
    Edit,
    /// A product is being deleted.
    Delete,
    /// A product is being created.
    Create,
    /// Comparing products with their manifests.
    Drift,
}

impl Lane {
    /// Every lane, first served first.
    pub const ALL: [Self; 4] = [Self::Edit, Self::Delete, Self::Create, Self::Drift];

    /// Name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Create => "create",
            Self::Drift => "drift",
        }
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What for.
    pub lane: Lane,
    /// For whose objects.
    pub flow: Flow,
}

impl From<Lane> for Caller {
    /// The account itself.
    fn from(lane: Lane) -> Self {
        Self { lane, flow: Flow::default() }
    }
}

/// Why there is no permit. Nothing was sent and no token is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Enough callers of this lane wait.
    #[error("waiting for the vendor's request budget, next turn in {retry_after:.1?}")]
    Busy {
        /// When this caller's turn is expected. Every answer names another moment.
        retry_after: Duration,
    },
    /// The vendor asked for a pause that outlasts the deadline.
    #[error("the vendor asked for a pause, next turn in {retry_after:.1?}")]
    Paused {
        /// When this caller's turn is expected. Every answer names another moment.
        retry_after: Duration,
    },
    /// The vendor did not answer several times in a row.
    #[error("vendor calls are held back after repeated failures, next try in {retry_after:.1?}")]
    CircuitOpen {
        /// When to come back.
        retry_after: Duration,
    },
    /// The turn would come, or came, after the deadline.
    #[error("no request budget before the deadline")]
    Deadline,
}

/// Sees what the limiter does, for metrics.
pub trait Observe: Send + Sync {
    /// A permit was given after a wait.
    fn waited(&self, lane: Lane, wait: Duration);
    /// The vendor throttled a call.
    fn throttled(&self, action: &'static str);
}

/// The budgets of one vendor account.
pub struct Limiter {
    shared: Arc<Shared>,
}

struct Shared {
    documented: BTreeMap<&'static str, u32>,
    observer: Option<Arc<dyn Observe>>,
    state: Mutex<State>,
}

struct State {
    settings: LimitSettings,
    buckets: BTreeMap<&'static str, Bucket>,
    breaker: Breaker,
    /// Number of the host and key that the breaker speaks of.
    identity: Option<u64>,
    tickets: u64,
}

enum Admission {
    Now(Permit),
    Queued(oneshot::Receiver<Result<Permit, Refused>>),
}

/// What the task that serves one action's queue does next.
enum Step {
    Stop,
    Sleep(Instant, Arc<Notify>),
    Answer(Vec<(Waiter, Result<Permit, Refused>)>),
}

impl Limiter {
    /// A limiter with the vendor's documented `budgets`, lowered as `settings` say.
    pub fn new(budgets: &[Budget], settings: LimitSettings) -> Self {
        let documented = budgets.iter().map(|budget| (budget.action, budget.per_second)).collect();
        let state = State {
            settings,
            buckets: BTreeMap::new(),
            breaker: Breaker::default(),
            identity: None,
            tickets: 0,
        };
        Self { shared: Arc::new(Shared { documented, observer: None, state: Mutex::new(state) }) }
    }

    /// Follows a change of the account: its limits, its key or its host, of which `identity` is a number. What was sent in
    /// the last second still counts, which a new limiter would not know. That calls failed before says nothing of those to
    /// another host or with another key, and everything of those that follow any other edit.
    pub fn set_limits(&self, settings: LimitSettings, identity: u64) {
        let state = &mut *self.shared.lock();
        state.settings = settings;
        if state.identity.replace(identity) != Some(identity) {
            state.breaker = Breaker::default();
        }
        for (action, bucket) in &mut state.buckets {
            let documented = self.shared.documented.get(action).copied();
            bucket.pace.set_budget(state.settings.budget(action, documented));
        }
    }

    /// The actions that the vendor asked to leave alone for longer than `least` from now.
    pub fn paused(&self, least: Duration) -> Vec<&'static str> {
        let state = self.shared.lock();
        let until = Instant::now() + least;
        let paused = state.buckets.iter().filter(|(_, bucket)| bucket.pace.is_paused_beyond(until));
        paused.map(|(action, _)| *action).collect()
    }

    /// The same limiter, watched by `observer`. To be called before the first permit is given.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observe>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.observer = Some(observer);
        }
        self
    }

    /// Waits for the permission to send one call of `action`, at the latest until `deadline`.
    ///
    /// Dropping the future leaves the queue. What cannot succeed in time is refused at once.
    pub async fn acquire(
        &self,
        action: &'static str,
        caller: impl Into<Caller>,
        deadline: Instant,
    ) -> Result<Permit, Refused> {
        let caller = caller.into();
        let permit = match self.shared.admit(action, caller, deadline)? {
            Admission::Now(permit) => permit,
            // An error of the channel means that the runtime is being shut down.
            Admission::Queued(turn) => match timeout_at(deadline, turn).await {
                Ok(Ok(answer)) => answer?,
                Ok(Err(_)) | Err(_) => return Err(Refused::Deadline),
            },
        };
        if let Some(observer) = &self.shared.observer {
            observer.waited(caller.lane, permit.waited());
        }
        Ok(permit)
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

impl Shared {
    /// State stays consistent between statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(
        self: &Arc<Self>,
        action: &'static str,
        caller: Caller,
        deadline: Instant,
    ) -> Result<Admission, Refused> {
        let now = Instant::now();
        if deadline <= now {
            return Err(Refused::Deadline);
        }
        let state = &mut *self.lock();
        state.breaker.check(now).map_err(|retry_after| Refused::CircuitOpen { retry_after })?;
        let budget = state.settings.budget(action, self.documented.get(action).copied());
        let bucket = state.buckets.entry(action).or_insert_with(|| Bucket::new(budget));
        bucket.forget_cancelled();
        state.tickets += 1;
        let ticket = state.tickets;
        if bucket.is_idle() && bucket.pace.free_at(now) <= now {
            let permit = self.permit(action, ticket, now, now);
            bucket.pace.take(ticket, now, now);
            state.breaker.begin(ticket, now);
            return Ok(Admission::Now(permit));
        }
        bucket.refuse(caller, deadline, now).map_or(Ok(()), Err)?;
        let (sender, receiver) = oneshot::channel();
        bucket.enqueue(caller.lane, Waiter { ticket, flow: caller.flow, since: now, sender });
        if !bucket.served {
            bucket.served = true;
            tokio::spawn(serve(Arc::clone(self), action));
        }
        Ok(Admission::Queued(receiver))
    }

    fn permit(self: &Arc<Self>, action: &'static str, ticket: u64, since: Instant, now: Instant) -> Permit {
        Permit::new(Arc::clone(self), action, ticket, since, now)
    }

    fn step(self: &Arc<Self>, action: &'static str) -> Step {
        let now = Instant::now();
        let state = &mut *self.lock();
        let Some(bucket) = state.buckets.get_mut(action) else {
            return Step::Stop;
        };
        bucket.forget_cancelled();
        if bucket.is_idle() {
            bucket.served = false;
            return Step::Stop;
        }
        if let Err(retry_after) = state.breaker.check(now) {
            let refused = Refused::CircuitOpen { retry_after };
            return Step::Answer(bucket.drain().map(|w| (w, Err(refused.clone()))).collect());
        }
        let free = bucket.pace.free_at(now);
        if free > now {
            return Step::Sleep(free, Arc::clone(&bucket.changed));
        }
        let Some(waiter) = bucket.next() else {
            return Step::Stop;
        };
        bucket.pace.take(waiter.ticket, waiter.since, now);
        state.breaker.begin(waiter.ticket, now);
        let permit = self.permit(action, waiter.ticket, waiter.since, now);
        Step::Answer(vec![(waiter, Ok(permit))])
    }

    /// Books the end of a call; `None` if it was sent and nobody knows how it ended.
    fn settle(&self, permit: &Permit, outcome: Option<Outcome>) {
        let now = Instant::now();
        let state = &mut *self.lock();
        let verdict = match outcome {
            Some(Outcome::Answered | Outcome::Throttled { .. }) => Verdict::Alive,
            Some(Outcome::Unavailable) => Verdict::Dead,
            Some(Outcome::NotSent) | None => Verdict::Unknown,
        };
        if let Some(bucket) = state.buckets.get_mut(permit.action()) {
            match outcome {
                Some(Outcome::NotSent) => bucket.pace.give_back(permit.ticket),
                Some(Outcome::Throttled { retry_after }) => {
                    bucket.pace.throttle(permit.granted, retry_after, now);
                }
                _ => {}
            }
        }
        state.breaker.end(permit.ticket, verdict, now);
        // Give-backs, pauses and an open breaker all change what those who wait are to expect.
        for bucket in state.buckets.values().filter(|bucket| bucket.served) {
            bucket.changed.notify_one();
        }
    }
}

/// Serves one action's queue until it is empty.
async fn serve(shared: Arc<Shared>, action: &'static str) {
    loop {
        match shared.step(action) {
            Step::Stop => return,
            Step::Sleep(until, changed) => {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = changed.notified() => {}
                }
            }
            // Outside the lock: the permit of a caller who has gone gives itself back.
            Step::Answer(answers) => {
                for (waiter, answer) in answers {
                    drop(waiter.sender.send(answer));
                }
            }
        }
    }
}
