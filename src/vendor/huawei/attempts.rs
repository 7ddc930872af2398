//! How often a key may still be refused before the vendor locks it.
//!
//! More than five failures in a row lock an access key for five minutes, for everyone who uses it ("API
//! Calling Error Codes": `APIG.0301`), and refused logins lock a user. So failures are counted by key across
//! whatever clients this process makes, and a call that could be one too many is not sent.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How many failures fit.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// With one secret.
    per_secret: usize,
    /// With whatever secrets under one id: the vendor counts by id.
    per_id: usize,
    /// Within this time.
    window: Duration,
    /// Calls at a time while the last one was accepted. Each of them may be refused.
    at_once: usize,
}

/// The vendor locks at the sixth.
const SIGNING: Limits = Limits { per_secret: 3, per_id: 5, window: Duration::from_mins(5), at_once: 3 };

/// The threshold of a lock is set by the customer ("Account Lockout Policy"); three is the least.
const LOGIN: Limits = Limits { per_secret: 2, per_id: 2, window: Duration::from_mins(15), at_once: 1 };

/// Tells secrets apart without keeping them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag([u8; 32]);

impl Tag {
    pub(super) fn of(secret: &SecretString) -> Self {
        let mut tag = [0; 32];
        let hash = digest::digest(&digest::SHA256, secret.expose_secret().as_bytes());
        tag.copy_from_slice(hash.as_ref());
        Self(tag)
    }
}

/// Why a key was refused, as far as the answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its id or secret, or nothing that the answer tells.
    Key,
    /// The request's date. The answer did not tell the vendor's own, so the next request is refused as well.
    Clock,
    /// The request's date, and the answer told the vendor's own: requests are signed with that one from now on, so
    /// the refusal says nothing about the next. The vendor counts it all the same.
    ClockLearnt,
}

struct Refusal {
    at: Instant,
    tag: Tag,
    cause: Cause,
}

#[derive(Default)]
struct State {
    refused: VecDeque<Refusal>,
    under_way: usize,
    proven: bool,
}

/// Failures of one id.
pub struct Attempts {
    limits: Limits,
    state: Mutex<State>,
    changed: Notify,
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Why a call may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It could be the failure that locks the key.
    Refused {
        /// Failures that are remembered.
        failures: usize,
        /// Why the last of them was refused.
        cause: Cause,
        /// When one of them is forgotten.
        retry_after: Duration,
    },
    /// Others are under way and did not end before the deadline.
    Late,
}

/// How a call went, as far as the key is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The key was accepted.
    Accepted,
    /// It was refused.
    Refused(Cause),
    /// It is locked already.
    Locked,
    /// Nothing tells.
    Unknown,
}

/// One call under way.
#[must_use = "a call that is dropped counts as one of unknown end"]
pub(super) struct Flight<'a> {
    attempts: &'a Attempts,
    tag: Tag,
    verdict: Verdict,
}

impl Attempts {
    fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), changed: Notify::new() }
    }

    /// A count of its own for signatures, shared with nobody.
    pub fn signing() -> Self {
        Self::new(SIGNING)
    }

    /// A count of its own for logins, shared with nobody.
    pub fn login() -> Self {
        Self::new(LOGIN)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a failure of this call would not be one too many, at the latest until `deadline`.
    pub(super) async fn begin(&self, tag: Tag, deadline: Instant) -> Result<Flight<'_>, Halt> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.lock().admit(&self.limits, tag, Instant::now())? {
                return Ok(Flight { attempts: self, tag, verdict: Verdict::Unknown });
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Err(Halt::Late);
            }
        }
    }

    fn settle(&self, tag: Tag, verdict: Verdict) {
        let mut state = self.lock();
        state.under_way = state.under_way.saturating_sub(1);
        let (failures, cause) = match verdict {
            Verdict::Accepted => {
                state.proven = true;
                (0, Cause::Key)
            }
            Verdict::Unknown => (0, Cause::Key),
            Verdict::Refused(cause) => (1, cause),
            Verdict::Locked => (self.limits.per_id, Cause::Key),
        };
        if failures > 0 {
            state.proven = false;
            let at = Instant::now();
            state.refused.extend((0..failures).map(|_| Refusal { at, tag, cause }));
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn is_idle(&self) -> bool {
        let mut state = self.lock();
        state.forget(&self.limits, Instant::now());
        state.refused.is_empty() && state.under_way == 0
    }
}

impl State {
    fn forget(&mut self, limits: &Limits, now: Instant) {
        while self.refused.front().is_some_and(|refusal| now.duration_since(refusal.at) >= limits.window) {
            self.refused.pop_front();
        }
    }

    fn admit(&mut self, limits: &Limits, tag: Tag, now: Instant) -> Result<bool, Halt> {
        self.forget(limits, now);
        let of_secret: Vec<Instant> = self
            .refused
            .iter()
            .filter(|of| of.tag == tag && of.cause != Cause::ClockLearnt)
            .map(|of| of.at)
            .collect();
        let left = limits
            .per_secret
            .saturating_sub(of_secret.len())
            .min(limits.per_id.saturating_sub(self.refused.len()));
        if left == 0 {
            // The oldest of those that are too many.
            let by_secret = of_secret.len().checked_sub(limits.per_secret).and_then(|at| of_secret.get(at));
            let by_id = self.refused.len().checked_sub(limits.per_id).and_then(|at| self.refused.get(at));
            let last = by_secret.copied().max(by_id.map(|of| of.at)).unwrap_or(now);
            let retry_after = (last + limits.window).saturating_duration_since(now);
            let cause = self.refused.back().map_or(Cause::Key, |of| of.cause);
            return Err(Halt::Refused { failures: self.refused.len(), cause, retry_after });
        }
        let at_once = if self.proven { limits.at_once.min(left) } else { 1 };
        let room = self.under_way < at_once;
        self.under_way += usize::from(room);
        Ok(room)
    }
}

impl Flight<'_> {
    pub(super) fn end(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.attempts.settle(self.tag, self.verdict);
    }
}

/// Host and id.
type Id = (String, String);

type ById = Mutex<HashMap<Id, Arc<Attempts>>>;

/// The attempts of every id in this process, whichever clients make them: an account that is edited gets a new
/// client, but no new attempts.
#[derive(Default)]
pub struct Refusals {
    signing: ById,
    login: ById,
}

impl Refusals {
    /// The signing failures of an access key at a host.
    pub(super) fn signing(&self, host: &str, access_key: &str) -> Arc<Attempts> {
        shared(&self.signing, (host.to_owned(), access_key.to_owned()), Attempts::signing)
    }

    /// The refused logins of an IAM user at a host.
    pub(super) fn login(&self, host: &str, domain_name: &str, user_name: &str) -> Arc<Attempts> {
        shared(&self.login, (host.to_owned(), format!("{domain_name}/{user_name}")), Attempts::login)
    }
}

fn shared(all: &ById, id: Id, new: fn() -> Attempts) -> Arc<Attempts> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, attempts| Arc::strong_count(attempts) > 1 || !attempts.is_idle());
    Arc::clone(all.entry(id).or_insert_with(|| Arc::new(new())))
}

#[cfg(test)]
mod tests;
