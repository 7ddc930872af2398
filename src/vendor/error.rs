//! What went wrong at a vendor, in terms that no vendor owns.

use std::time::Duration;

use crate::http::transport::TransportError;

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

/// A failed vendor operation.
#[derive(Debug, thiserror::Error)]
#[error("{action} of {object}: {message}{}", .code.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
pub struct VendorError {
    /// The vendor's action: `CreateProduct`.
    pub action: &'static str,
    /// What it was about: a product name or id, or `products` for a list.
    pub object: String,
    /// What it means.
    pub class: Class,
    /// Whether it may have happened.
    pub effect: Effect,
    /// The vendor's full code.
    pub code: Option<String>,
    /// The vendor's message or ours; never holds a secret.
    pub message: String,
    /// The vendor's id of the request, for its support.
    pub request_id: Option<String>,
    /// The vendor's hint when to come back.
    pub retry_after: Option<Duration>,
    /// The transport's failure, if that was it.
    #[source]
    pub source: Option<TransportError>,
}

impl VendorError {
    /// The product is proved not to be there.
    pub fn is_not_found(&self) -> bool {
        self.class == Class::NotFound
    }

    /// The call may have had its effect.
    pub fn is_unclear(&self) -> bool {
        self.effect == Effect::Unclear
    }
}
