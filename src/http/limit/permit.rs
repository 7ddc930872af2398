//! The permission to send one call, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::pace::Pace;

/// How a permitted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The vendor answered, be it with an error.
    Answered,
    /// The vendor refused the call because of its quota.
    Throttled {
        /// The vendor's hint when to come back.
        retry_after: Option<Duration>,
    },
    /// Time-out, cut connection, 5xx.
    Unavailable,
    /// Nothing was handed to the network; the token is given back.
    NotSent,
}

/// The permission to send one call. Dropped before [`Permit::sent`] it gives its token back.
#[must_use = "a dropped permit gives its token back"]
pub struct Permit {
    shared: Arc<Shared>,
    action: &'static str,
    pub(super) ticket: u64,
    pub(super) granted: Instant,
    waited: Duration,
    used: bool,
    settled: bool,
}

impl Permit {
    pub(super) fn new(
        shared: Arc<Shared>,
        action: &'static str,
        ticket: u64,
        since: Instant,
        now: Instant,
    ) -> Self {
        Self { shared, action, ticket, granted: now, waited: now - since, used: false, settled: false }
    }

    /// How long the caller waited for it.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The action it is for.
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// Waits until the vendor's second has room for the call, which is then handed to the network. From there on the token
    /// is used even if the permit is dropped. The wait is short: tokens have the distance that calls need, and only what one
    /// caller takes less time from token to call than another is waited for.
    pub async fn sent(&mut self) {
        if self.used {
            return;
        }
        let now = Instant::now();
        let at = self.pace(|pace| pace.book(self.ticket, now)).unwrap_or(now);
        if at > now {
            sleep_until(at).await;
            let now = Instant::now();
            self.pace(|pace| pace.sent(self.ticket, now));
        }
        self.used = true;
    }

    fn pace<R>(&self, act: impl FnOnce(&mut Pace) -> R) -> Option<R> {
        self.shared.lock().buckets.get_mut(self.action).map(|bucket| act(&mut bucket.pace))
    }

    /// Reports how the call ended.
    pub fn done(mut self, outcome: Outcome) {
        self.settled = true;
        if matches!(outcome, Outcome::Throttled { .. })
            && let Some(observer) = &self.shared.observer
        {
            observer.throttled(self.action);
        }
        self.shared.settle(&self, Some(outcome));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.settle(self, (!self.used).then_some(Outcome::NotSent));
        }
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permit").field("action", &self.action).finish_non_exhaustive()
    }
}
