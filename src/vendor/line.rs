//! What carries the calls of one connection: the budget, one attempt, and its outcome to budget, metrics and log.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, InvalidHeaderValue};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::{Call, Class, Effect, VendorError, alibaba, huawei, tencent, tencent_legacy};
use crate::api::Vendor;
use crate::clock::later;
use crate::http::Url;
use crate::http::limit::{Limiter, Outcome, Permit};
use crate::http::memory::Lists;
use crate::http::transport::{Answer, Request, Transport, TransportError};
use crate::metrics::Metrics;
use crate::text::{VENDOR_WORDS, printable};

/// Bound of one attempt: the vendors' own clients wait longer, far more than the slowest good answers take.
const ATTEMPT: Duration = Duration::from_secs(20);

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

    /// How far the vendor's clock is ahead of ours, as far as it is known.
    pub(super) fn ahead(&self) -> SignedDuration {
        self.transport.skew()
    }

    /// The memory of lists.
    pub(super) fn lists(&self) -> &Arc<Lists> {
        &self.transport.memory().lists
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
        let result = match self.transport.send(request, deadline.min(later(begun, ATTEMPT))).await {
            Ok(answer) => judge(&answer),
            Err(error) => {
                // The detail is for whoever runs the operator: tenants read the error, and chose the host.
                let detail = error.detail().map(|detail| printable(&detail.to_string(), VENDOR_WORDS, []));
                tracing::warn!(action, %error, detail, "vendor call without an answer");
                Err(VendorError::unanswered(action, object, error))
            }
        };
        let error = result.as_ref().err();
        permit.done(outcome(error));
        let code = error.map_or(Cow::Borrowed("OK"), |error| label(self.vendor, error));
        self.metrics.vendor_request(self.vendor.as_str(), action, &code, begun.elapsed());
        match error {
            None => tracing::debug!(action, object, "vendor call answered"),
            Some(error) => tracing::debug!(
                action,
                object,
                code = error.code.as_deref(),
                request_id = error.request_id.as_deref(),
                class = ?error.class,
                effect = ?error.effect,
                "vendor call failed"
            ),
        }
        result
    }
}

/// What a failure is counted as: its code if the vendor documents it, else what it means. A hostile vendor can send any code,
/// and each one would be counted for ever.
fn label(vendor: Vendor, error: &VendorError) -> Cow<'static, str> {
    let Some(code) = error.code.as_deref() else {
        return "none".into();
    };
    let documented = match vendor {
        Vendor::TencentCloud => tencent::documented(code).map(Cow::Borrowed),
        Vendor::TencentCloudLegacy => tencent_legacy::documented(code).map(Cow::Owned),
        Vendor::AlibabaCloud => alibaba::documented(code).map(Cow::Borrowed),
        Vendor::HuaweiCloud => huawei::documented(code).map(Cow::Borrowed),
    };
    documented.unwrap_or_else(|| format!("other-{:?}", error.class).into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_codes_are_counted_by_name_and_others_by_what_they_mean() {
        let counted = |vendor, code: &str, class| {
            let error = VendorError::not_sent("X", "x", class, "");
            label(vendor, &VendorError { code: Some(code.into()), ..error })
        };
        for (vendor, code, expected) in [
            (Vendor::TencentCloud, "FailedOperation.AccountIsolated", "FailedOperation.AccountIsolated"),
            (Vendor::TencentCloud, "FailedOperation.New", "other-Spec"),
            (Vendor::TencentCloudLegacy, "5100/1001", "5100/1001"),
            (Vendor::TencentCloudLegacy, "4100", "4100"),
            (Vendor::TencentCloudLegacy, "5100/7777", "other-Spec"),
            (Vendor::TencentCloudLegacy, "-7", "other-Spec"),
            (
                Vendor::AlibabaCloud,
                "IoT.prod.AlreadyExistedProductName",
                "iot.prod.AlreadyExistedProductName",
            ),
            (Vendor::AlibabaCloud, "iot.prod.New", "other-Spec"),
            (Vendor::HuaweiCloud, "ROMA.00110001", "ROMA.00110001"),
            (Vendor::HuaweiCloud, "ROMA.99999999", "other-Spec"),
        ] {
            assert_eq!(counted(vendor, code, Class::Spec), expected);
        }
        assert_eq!(label(Vendor::HuaweiCloud, &VendorError::not_sent("X", "x", Class::Spec, "")), "none");
    }
}
