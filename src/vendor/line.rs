//! What carries the calls of one connection: the budget, one attempt, and its outcome to budget, metrics and log.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, InvalidHeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use super::{Call, Class, Effect, VendorError};
use crate::api::Vendor;
use crate::http::Url;
use crate::http::limit::{Limiter, Outcome, Permit};
use crate::http::transport::{Answer, Request, Transport, TransportError};
use crate::metrics::Metrics;

/// Bound of one attempt: the vendors' own clients wait longer, far more than the slowest good answers take.
const ATTEMPT: Duration = Duration::from_secs(20);

/// Longest part of a vendor's message that is passed on, in characters.
const MESSAGE: usize = 300;

/// The way to one vendor account.
pub(super) struct Line {
    vendor: Vendor,
    transport: Arc<Transport>,
    limiter: Arc<Limiter>,
    metrics: Metrics,
}

impl Line {
    pub(super) fn new(
        vendor: Vendor,
        transport: Arc<Transport>,
        limiter: Arc<Limiter>,
        metrics: Metrics,
    ) -> Self {
        Self { vendor, transport, limiter, metrics }
    }

    /// Now, by the vendor's clock as far as it is known.
    pub(super) fn now(&self) -> Timestamp {
        self.transport.now()
    }

    /// Waits for the budget of one call.
    pub(super) async fn permit(
        &self,
        action: &'static str,
        object: &str,
        call: Call,
    ) -> Result<Permit, VendorError> {
        let permit = self.limiter.acquire(action, call.caller, call.deadline).await;
        permit.map_err(|refused| VendorError::limited(action, object, &refused))
    }

    /// One attempt, which ends before `deadline`. `judge` says what an answer means.
    pub(super) async fn send<T>(
        &self,
        (action, object): (&'static str, &str),
        request: Request,
        mut permit: Permit,
        deadline: Instant,
        judge: impl FnOnce(&Answer) -> Result<T, VendorError>,
    ) -> Result<T, VendorError> {
        // A call whose turn does not come in time is not sent: the transport says so.
        let _ = timeout_at(deadline, permit.sent()).await;
        let begun = Instant::now();
        let result = match self.transport.send(request, deadline.min(begun + ATTEMPT)).await {
            Ok(answer) => judge(&answer),
            Err(error) => Err(VendorError::unanswered(action, object, error)),
        };
        let error = result.as_ref().err();
        permit.done(outcome(error));
        let code = error.map_or("OK", |error| error.code.as_deref().unwrap_or("none"));
        self.metrics.vendor_request(self.vendor.as_str(), action, code, begun.elapsed());
        match error {
            None => tracing::debug!(action, object, "vendor call answered"),
            Some(error) => tracing::debug!(
                action,
                object,
                code = error.code,
                request_id = error.request_id,
                class = ?error.class,
                effect = ?error.effect,
                "vendor call failed"
            ),
        }
        result
    }
}

/// What a result tells the budget. Nothing to connect to counts against the vendor too.
fn outcome(error: Option<&VendorError>) -> Outcome {
    let Some(error) = error else {
        return Outcome::Answered;
    };
    match (&error.source, error.class) {
        (Some(TransportError::NotSent { .. }), _) => Outcome::Unavailable,
        _ if error.effect == Effect::NotSent => Outcome::NotSent,
        (_, Class::Throttled) => Outcome::Throttled { retry_after: error.retry_after },
        (_, Class::Unavailable) => Outcome::Unavailable,
        _ => Outcome::Answered,
    }
}

/// A vendor's message on one line, bounded, without what was sent in confidence.
pub(super) fn printable<'a>(message: &str, hide: impl IntoIterator<Item = &'a SecretString>) -> String {
    let mut text = message.to_owned();
    for secret in hide {
        if !secret.expose_secret().is_empty() {
            text = text.replace(secret.expose_secret(), "(hidden)");
        }
    }
    text.trim().chars().take(MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A header that no log shows.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The `Host` header as it is sent, which is signed: the port only when it is not the scheme's own.
pub(super) fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
