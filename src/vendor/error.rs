//! What went wrong at a vendor, in terms that no vendor owns.

use std::time::Duration;

use crate::http::limit::Refused;
use crate::http::transport::TransportError;
use crate::text::{Code, Message, RequestId, Subject};

/// What a failure means for the product, whatever the vendor calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The vendor's budget is used up.
    Throttled,
    /// Our own limiter has enough waiting in this lane; nothing was sent.
    Busy,
    /// Time-out, cut, 5xx, internal error, unreadable answer.
    Unavailable,
    /// The key is unknown, wrong, expired or locked.
    Credentials,
    /// The key is right but may not do this.
    Permission,
    /// Our clock and the vendor's are too far apart.
    ClockSkew,
    /// The vendor account is overdue, isolated or not verified.
    AccountSuspended,
    /// Wrong region, instance, action or version: the endpoint does not serve what was asked.
    Misconfigured,
    /// The operator's flags do not allow the host or the address it resolves to; nothing was sent.
    NotAllowed,
    /// The vendor refuses a value of the manifest.
    Spec,
    /// A quota of the vendor account is used up.
    Quota,
    /// The name is taken.
    Exists,
    /// The vendor's exact not-found for this product.
    NotFound,
    /// A precondition of a deletion or update is not met: devices remain, bound gateway, disabled product.
    Blocked,
    /// This process may no longer act (leadership lost or ending); nothing was sent.
    NotLeader,
}

/// Whether a failed call may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing was handed to the network.
    NotSent,
    /// The vendor said no in a way that rules out an effect.
    Refused,
    /// It may have happened.
    Unclear,
}

/// A failed vendor operation. Whatever in it a vendor has chosen is bounded and printable by its type.
#[derive(Debug, thiserror::Error)]
#[error("{action} of {object}: {message}{}", .code.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
pub struct VendorError {
    /// The vendor's action: `CreateProduct`.
    pub action: &'static str,
    /// What it was about: a product name or id, or `products` for a list.
    pub object: Subject,
    /// What it means.
    pub class: Class,
    /// Whether it may have happened.
    pub effect: Effect,
    /// The vendor's full code.
    pub code: Option<Code>,
    /// The vendor's message or ours; never holds a secret.
    pub message: Message,
    /// The vendor's id of the request, for its support.
    pub request_id: Option<RequestId>,
    /// The vendor's hint when to come back.
    pub retry_after: Option<Duration>,
    /// The transport's failure, if that was it.
    #[source]
    pub source: Option<TransportError>,
}

impl VendorError {
    /// A failure before anything was sent.
    pub fn not_sent(action: &'static str, object: &str, class: Class, message: impl Into<Message>) -> Self {
        Self {
            action,
            object: object.into(),
            class,
            effect: Effect::NotSent,
            code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
            source: None,
        }
    }

    /// The limiter let nothing through.
    pub fn limited(action: &'static str, object: &str, refused: &Refused) -> Self {
        let (class, message, retry_after) = match *refused {
            Refused::Busy { retry_after } => {
                (Class::Busy, "not sent, many calls of this account wait already", Some(retry_after))
            }
            Refused::Paused { retry_after } => (
                Class::Throttled,
                "not sent, the vendor asked for a pause of up to 10 minutes before the next call",
                Some(retry_after),
            ),
            Refused::Deadline => {
                (Class::Busy, "not sent, the account's budget of calls does not come up in time", None)
            }
            Refused::CircuitOpen { retry_after } => (
                Class::Unavailable,
                "not sent, the last calls of this account had no answer",
                Some(retry_after),
            ),
        };
        Self { retry_after, ..Self::not_sent(action, object, class, message) }
    }

    /// The request got no answer.
    pub fn unanswered(action: &'static str, object: &str, error: TransportError) -> Self {
        let class = match error {
            TransportError::NotLeader { .. } => Class::NotLeader,
            TransportError::NotAllowed(_) => Class::NotAllowed,
            _ => Class::Unavailable,
        };
        let effect = if error.may_have_been_sent() { Effect::Unclear } else { Effect::NotSent };
        let message = error.to_string();
        Self { effect, source: Some(error), ..Self::not_sent(action, object, class, message) }
    }

    /// The product is proved not to be there.
    pub fn is_not_found(&self) -> bool {
        self.class == Class::NotFound
    }

    /// The call may have had its effect.
    pub fn is_unclear(&self) -> bool {
        self.effect == Effect::Unclear
    }
}
