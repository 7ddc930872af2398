//! The permission to send one call, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;

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

    /// The call is handed to the network now. From here on the token is used even if the permit is
    /// dropped, and the vendor's second is counted from now instead of from the grant: the budget is kept
    /// exactly as long as permits are not held for more than a second.
    pub fn sent(&mut self) {
        if !self.used {
            self.used = true;
            let now = Instant::now();
            if let Some(bucket) = self.shared.lock().buckets.get_mut(self.action) {
                bucket.mark_sent(self.ticket, self.granted, now);
            }
        }
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
