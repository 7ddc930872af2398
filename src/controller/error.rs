//! What can end a visit early, and the one exit that turns it into what the user sees and when to return.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{FORCE_FORGET_ANNOTATION, Reason};
use crate::plan::desired::DesiredError;
use crate::record::RecordError;
use crate::record::condition::Truth;
use crate::vendor::{Class, Effect, VendorError};

/// Why there is no usable account.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It was not looked at yet; it wakes its products when it was.
    #[error("waiting for the operator's first check of {0} at the vendor; no action is needed")]
    Pending(String),
    /// Another object may have the product, in a part of the cluster that was never listed. Which part that is, others'
    /// users need not know.
    #[error(
        "another IotProduct may already have this product, in a watched namespace that the operator cannot list; its \
         /readyz and log name the namespace and say what to do; retried within 60s"
    )]
    Unseen,
    /// It does not exist, does not admit the product, is of another vendor, or cannot be used.
    #[error("{message}")]
    Unusable {
        /// Reason of Ready.
        reason: Reason,
        /// What to do.
        message: String,
    },
}

/// What ended a visit early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest cannot be applied.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// No usable account.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A vendor call failed.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// A shared list failed.
    #[error(transparent)]
    List(#[from] Arc<VendorError>),
    /// The API server refused a write or did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The visit took longer than it may.
    #[error("the visit took longer than {}s; it begins anew", .0.as_secs())]
    Deadline(Duration),
}

/// The object's side of a failure.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// A product is recorded.
    pub recorded: bool,
    /// The manifest changed since it was last applied, or Ready is not True.
    pub change_required: bool,
    /// While a deletion is under way: the value of annotation `force-forget` that lets the object go without
    /// the vendor.
    pub forget: Option<&'a str>,
    /// Failures in a row, this one included.
    pub failures: u32,
    /// How long they last.
    pub failing_for: Duration,
}

impl Situation<'_> {
    fn deleting(self) -> bool {
        self.forget.is_some()
    }

    /// How to end a deletion that the vendor does not let happen.
    fn way_out(self) -> String {
        self.forget.map_or_else(String::new, |value| {
            format!(
                "; to let go without the vendor set deletionPolicy: Retain, or annotate {FORCE_FORGET_ANNOTATION}: {value}"
            )
        })
    }
}

/// When to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// After this long.
    After(Duration),
    /// Longer from failure to failure, up to this, with jitter.
    Backoff(Duration),
}

/// What the user sees of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Status of Ready; `None` leaves every condition as it is.
    pub ready: Option<Truth>,
    /// Reason of Ready.
    pub reason: Reason,
    /// Message of Ready.
    pub message: String,
    /// It will not get better without a human.
    pub stalled: bool,
    /// When to return.
    pub delay: Delay,
    /// The account should look at itself: the failure is not this product's own.
    pub account: bool,
    /// The failure is the answer of a check that was asked for. Otherwise the check is still to come.
    pub checked: bool,
    /// The message has the vendor's words in it.
    pub vendors: bool,
    /// Nothing is written, not even of an object without any condition.
    pub silent: bool,
}

/// Ceiling of the back-off of failures that pass by themselves.
const PASSING: Duration = Duration::from_mins(1);
/// Ceiling of the back-off of failures that need a human.
pub const HUMAN: Duration = Duration::from_mins(5);
/// How soon something that others may free is looked at again.
const RECHECK: Duration = Duration::from_mins(1);
/// How soon a manifest that the vendor refused is tried again unchanged: what it names may exist by then.
const MANIFEST: Duration = Duration::from_hours(1);
/// What to do about a write that the cluster refuses.
pub const REFUSED_WRITE: &str =
    "change what refuses it in the cluster (policy, quota, rights), or the manifest; retried within 300s";
/// A fresh key may need to spread: it counts as refused for good only after this and two tries.
pub const KEY_SPREADS: Duration = Duration::from_mins(2);

/// Whether a reason means that only a human can help, at once.
pub fn stalls(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::AccountMismatch
            | Reason::EndpointNotAllowed
            | Reason::InvalidSpec
            | Reason::NameConflict
            | Reason::SecretLost
            | Reason::QuotaExceeded
            | Reason::ProductMissing
            | Reason::ImmutableDrift
            | Reason::DeletionBlocked
            | Reason::SecretConflict
    )
}

/// Whether a reason means that only a human can help once it [`lasts`].
pub fn key_trouble(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CredentialsInvalid
            | Reason::PermissionDenied
            | Reason::AccountSuspended
            | Reason::EndpointMisconfigured
    )
}

/// The reason that a class of vendor failure is shown as.
pub fn reason_of(class: Class, deleting: bool) -> Reason {
    match class {
        Class::Throttled => Reason::Throttled,
        Class::Busy | Class::NotLeader if deleting => Reason::Deleting,
        Class::Busy | Class::NotLeader | Class::Exists => Reason::Creating,
        Class::Unavailable => Reason::VendorUnavailable,
        Class::Credentials => Reason::CredentialsInvalid,
        Class::Permission => Reason::PermissionDenied,
        Class::ClockSkew => Reason::ClockSkew,
        Class::AccountSuspended => Reason::AccountSuspended,
        Class::Misconfigured => Reason::EndpointMisconfigured,
        Class::NotAllowed => Reason::EndpointNotAllowed,
        Class::Quota => Reason::QuotaExceeded,
        Class::NotFound => Reason::ProductMissing,
        Class::Blocked if deleting => Reason::DeletionBlocked,
        Class::Blocked | Class::Spec => Reason::InvalidSpec,
    }
}

/// What to do about a reason, in the user's words. Names ceilings, never moments: those would be a write
/// per retry.
pub fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Throttled => "the vendor's request budget is used up; retried within 60s",
        Reason::CredentialsInvalid => {
            "put a valid key into the account's credentials Secret; a change is seen within 15s"
        }
        Reason::PermissionDenied => "grant the key this action at the vendor; retried within 300s",
        Reason::AccountSuspended => {
            "settle the account at the vendor (billing, isolation, verification); retried within 300s"
        }
        Reason::EndpointMisconfigured => {
            "correct region, instance or endpoint of the account; retried within 300s"
        }
        Reason::ClockSkew => "set the clock of the operator's node; retried within 60s",
        Reason::QuotaExceeded => {
            "delete unused products or have the vendor raise the quota; retried within 60s"
        }
        Reason::InvalidSpec => "correct the manifest",
        Reason::DeletionBlocked => {
            "remove what holds it at the vendor, or set deletionPolicy: Retain; retried within 60s"
        }
        _ => "retried within 60s",
    }
}

/// Turns a failure into what the user sees and when to return.
pub fn verdict(error: &Error, situation: Situation<'_>) -> Verdict {
    match error {
        Error::Desired(error) => {
            plain(Reason::InvalidSpec, error.to_string(), Some(Truth::False), Delay::Backoff(HUMAN))
        }
        Error::Connect(pending @ ConnectError::Pending(_)) => unchecked(plain(
            doing(situation),
            pending.to_string(),
            None,
            Delay::After(Duration::from_secs(2)),
        )),
        Error::Connect(ConnectError::Unseen) => {
            let message = format!("{error}{}", situation.way_out());
            plain(doing(situation), message, passing(situation), Delay::Backoff(PASSING))
        }
        Error::Connect(ConnectError::Unusable { reason, message }) => unusable(*reason, message, situation),
        Error::Vendor(error) => Verdict { vendors: true, ..vendor(error, situation) },
        Error::List(error) => Verdict { vendors: true, ..vendor(error, situation) },
        Error::Record(error) => record(error, situation),
        Error::Deadline(_) => {
            plain(Reason::VendorUnavailable, error.to_string(), passing(situation), Delay::Backoff(PASSING))
        }
    }
}

fn plain(reason: Reason, message: String, ready: Option<Truth>, delay: Delay) -> Verdict {
    let stalled = stalls(reason);
    Verdict {
        ready,
        reason,
        message,
        stalled,
        delay,
        account: false,
        checked: true,
        vendors: false,
        silent: false,
    }
}

/// Nothing was found out yet.
fn unchecked(verdict: Verdict) -> Verdict {
    Verdict { checked: false, ..verdict }
}

/// Ready while something passes by itself: trouble in reading an existing product leaves it alone.
fn passing(situation: Situation<'_>) -> Option<Truth> {
    match (situation.recorded, situation.change_required || situation.deleting()) {
        (true, false) => None,
        (true, true) => Some(Truth::False),
        (false, _) => Some(Truth::Unknown),
    }
}

fn required(situation: Situation<'_>) -> Option<Truth> {
    (!situation.recorded || situation.change_required || situation.deleting()).then_some(Truth::False)
}

fn unusable(reason: Reason, message: &str, situation: Situation<'_>) -> Verdict {
    let waits = matches!(reason, Reason::Throttled | Reason::VendorUnavailable | Reason::ClockSkew);
    let ready = match reason {
        // Whoever relies on the Secret has to know, and the others show on no account.
        Reason::SecretLost | Reason::AccountNotAllowed | Reason::AccountNotFound => Some(Truth::False),
        _ if waits => passing(situation),
        _ => required(situation),
    };
    let stalled = stalls(reason) || (key_trouble(reason) && lasting(situation));
    // The account wakes its products when it changes; this is only in case that is missed.
    let delay = Delay::Backoff(PASSING);
    Verdict { stalled, ..plain(reason, format!("{message}{}", situation.way_out()), ready, delay) }
}

fn lasting(situation: Situation<'_>) -> bool {
    lasts(situation.failures, situation.failing_for)
}

/// Whether a key was refused often and long enough to count as refused for good.
pub fn lasts(failures: u32, failing_for: Duration) -> bool {
    failures >= 2 && failing_for >= KEY_SPREADS
}

fn vendor(error: &VendorError, situation: Situation<'_>) -> Verdict {
    let reason = reason_of(error.class, situation.deleting());
    let way_out = if key_trouble(reason) { situation.way_out() } else { String::new() };
    let message = format!("{error}; {}{way_out}", advice(reason));
    match error.class {
        // Nothing more is written by a process that may not act.
        Class::NotLeader => {
            let verdict = plain(reason, message, None, Delay::After(Duration::from_secs(1)));
            Verdict { silent: true, ..unchecked(verdict) }
        }
        Class::Busy => unchecked(plain(
            reason,
            "waiting for its turn in the vendor's request budget".to_owned(),
            (!situation.recorded).then_some(Truth::Unknown),
            Delay::After(error.retry_after.unwrap_or(Duration::from_secs(1))),
        )),
        // A rename to a taken name: nothing is to be looked for.
        Class::Exists if situation.recorded => {
            let message = format!("{error}; choose another spec.name, or free this one; retried within 300s");
            plain(Reason::NameConflict, message, required(situation), Delay::Backoff(HUMAN))
        }
        // Create 4: the next visit looks for the name's owner.
        Class::Exists => unchecked(plain(reason, message, None, Delay::After(Duration::from_millis(200)))),
        Class::NotFound => {
            let verdict = plain(reason, message, None, Delay::After(Duration::from_secs(1)));
            Verdict { stalled: false, ..unchecked(verdict) }
        }
        Class::Throttled | Class::Unavailable | Class::ClockSkew => {
            // What waits for the end of a pause tells nothing new of the account.
            let account = error.class != Class::Throttled || error.effect != Effect::NotSent;
            Verdict { account, ..plain(reason, message, passing(situation), hinted(error)) }
        }
        Class::Credentials
        | Class::Permission
        | Class::AccountSuspended
        | Class::Misconfigured
        | Class::NotAllowed => Verdict {
            account: true,
            stalled: stalls(reason) || lasting(situation),
            ..plain(reason, message, required(situation), Delay::Backoff(HUMAN))
        },
        // Nothing gets better by asking again: the manifest's next change wakes the object.
        Class::Spec => plain(reason, message, required(situation), Delay::After(MANIFEST)),
        Class::Quota | Class::Blocked => plain(reason, message, required(situation), Delay::After(RECHECK)),
    }
}

fn hinted(error: &VendorError) -> Delay {
    error.retry_after.map_or(Delay::Backoff(PASSING), |after| Delay::After(after.min(PASSING)))
}

/// What is under way.
fn doing(situation: Situation<'_>) -> Reason {
    match (situation.deleting(), situation.recorded) {
        (true, _) => Reason::Deleting,
        (false, true) => Reason::Updating,
        (false, false) => Reason::Creating,
    }
}

fn record(error: &RecordError, situation: Situation<'_>) -> Verdict {
    let message = error.to_string();
    let waits = |reason, delay| unchecked(plain(reason, message.clone(), None, delay));
    match error {
        RecordError::SecretConflict(_) => {
            plain(Reason::SecretConflict, message, Some(Truth::False), Delay::Backoff(HUMAN))
        }
        RecordError::Refused { .. } => {
            let message = format!("{message}; {REFUSED_WRITE}");
            plain(doing(situation), message, Some(Truth::False), Delay::Backoff(HUMAN))
        }
        RecordError::Conflict { .. } => waits(doing(situation), Delay::After(Duration::from_millis(50))),
        RecordError::Gone { .. } => {
            Verdict { silent: true, ..waits(Reason::Deleting, Delay::After(Duration::from_secs(1))) }
        }
        RecordError::Terminating { .. } => waits(Reason::Deleting, Delay::After(Duration::from_secs(1))),
        RecordError::Kube { .. } => waits(doing(situation), Delay::Backoff(PASSING)),
    }
}

#[cfg(test)]
mod tests;
