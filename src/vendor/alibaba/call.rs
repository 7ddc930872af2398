//! One call: budget, signature, one attempt, and what the answer means.

use std::time::Duration;

use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::client::Alibaba;
use super::error::{Meaning, of_answer};
use super::sign::{Ready, Stamp};
use super::wire::{self, Members, Parameters, Refusal, Unreadable};
use crate::api::account::AlibabaSignature;
use crate::http::hint;
use crate::http::limit::Permit;
use crate::http::transport::{Answer, Request};
use crate::text::{Code, RequestId, VENDOR_WORDS, printable};
use crate::vendor::{Call, Class, Effect, VendorError};

/// The vendor's hint is within these, whatever its unit may be.
const HINT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// What the vendor's message of a wrong signature shows behind it: the request with all its parameters.
const SIGNED_TEXT: &str = "server string to sign is:";

/// One call before it is signed.
pub(super) struct Ask<'a> {
    pub(super) action: &'static str,
    pub(super) object: &'a str,
    pub(super) parameters: Parameters,
}

impl<'a> Ask<'a> {
    pub(super) fn new(action: &'static str, object: &'a str, parameters: Parameters) -> Self {
        Self { action, object, parameters }
    }

    /// An answer that does not hold what the action promises.
    pub(super) fn unreadable(&self, what: &str) -> VendorError {
        VendorError { effect: Effect::Unclear, ..self.not_sent(Class::Unavailable, what) }
    }

    fn not_sent(&self, class: Class, what: &str) -> VendorError {
        VendorError::not_sent(self.action, self.object, class, what)
    }
}

impl Alibaba {
    /// Waits for the budget and makes one attempt.
    pub(super) async fn call(&self, ask: &Ask<'_>, call: Call) -> Result<Members, VendorError> {
        let permit = self.permit(ask, call).await?;
        self.attempt(ask, permit, call.deadline).await
    }

    /// Waits for the budget.
    pub(super) async fn permit(&self, ask: &Ask<'_>, call: Call) -> Result<Permit, VendorError> {
        self.line.permit(ask.action, ask.object, call).await
    }

    /// One signed attempt, and its outcome to the budget.
    pub(super) async fn attempt(
        &self,
        ask: &Ask<'_>,
        permit: Permit,
        deadline: Instant,
    ) -> Result<Members, VendorError> {
        let ready = self.sign(ask)?;
        let mut url = self.url.clone();
        url.set_query(Some(&ready.query));
        let Ready { headers, body, .. } = &ready;
        let request = Request { method: Method::POST, url, headers: headers.clone(), body: body.clone() };
        let judge = |answer: &Answer| self.judge(ask, &ready, answer);
        self.line.send((ask.action, ask.object), request, permit, deadline, judge).await
    }

    /// Signs, with a time and a nonce of this transmission's own.
    fn sign(&self, ask: &Ask<'_>) -> Result<Ready, VendorError> {
        let stamp = Stamp::fresh(self.line.now())
            .ok_or_else(|| ask.not_sent(Class::Unavailable, "the system has no random numbers"))?;
        let mut parameters = ask.parameters.clone();
        parameters.extend(self.instance.iter().map(|id| ("IotInstanceId".to_owned(), id.clone())));
        self.signer.sign(&self.host, &self.region, ask.action, parameters, &stamp).map_err(|_| {
            let message = "the key's id or token has characters that a header cannot carry; write them \
                           without line breaks";
            ask.not_sent(Class::Credentials, message)
        })
    }

    /// What an answer says. Failures come in two shapes and with any status, so the code decides.
    fn judge(&self, ask: &Ask<'_>, ready: &Ready, answer: &Answer) -> Result<Members, VendorError> {
        let status = answer.status;
        let envelope = wire::envelope(&answer.body);
        let hide = &self.signer.token;
        let request_id = envelope.as_ref().ok().and_then(|envelope| envelope.request_id.as_deref());
        let request_id = request_id.map(|id| RequestId::without(id, hide));
        let (code, message) = match envelope.map(|envelope| envelope.content) {
            Ok(Ok(members)) if status == StatusCode::OK => {
                return Ok(members);
            }
            Ok(Err(Refusal { code, message })) => {
                (code.map(|code| Code::without(&code, hide)), self.words(&message, ready))
            }
            Err(unreadable) if status == StatusCode::OK => (None, unreadable.to_string()),
            _ => (None, String::new()),
        };
        let message = match (&code, status) {
            (None, StatusCode::OK) if message.is_empty() => Unreadable::NoAnswer.to_string(),
            (Some(_), _) | (None, StatusCode::OK) => message,
            (None, _) => format!("HTTP {} {message}", status.as_u16()),
        };
        let told = told(answer);
        let Meaning { class, effect } = of_answer(ask.action, status, code.as_deref(), told.is_some());
        Err(VendorError {
            action: ask.action,
            object: ask.object.into(),
            class,
            effect,
            code,
            message: message.into(),
            request_id,
            retry_after: told.or_else(|| answer.retry_after()),
            source: None,
        })
    }

    /// The vendor's message on one line, bounded, without what we sent in confidence.
    fn words(&self, message: &str, ready: &Ready) -> String {
        let (said, signed) = message.split_once(SIGNED_TEXT).map_or((message, None), |(a, b)| (a, Some(b)));
        let mut text = printable(said, VENDOR_WORDS, &self.signer.token);
        if let (Some(signed), AlibabaSignature::Rpc) = (signed, self.signer.style) {
            text = if signed.trim() == ready.string_to_sign.expose_secret() {
                "the request arrived as it was signed, so the accessKeySecret is wrong".to_owned()
            } else {
                "the request did not arrive as it was signed; look for a proxy that changes requests"
                    .to_owned()
            };
        }
        text
    }
}

/// The vendor's hint when to come back: its own client takes a positive whole number of milliseconds.
fn told(answer: &Answer) -> Option<Duration> {
    let text = answer.headers.get("x-acs-retry-after")?.to_str().ok()?;
    let milliseconds = hint::whole(text.trim()).filter(|number| *number > 0)?;
    (answer.status != StatusCode::OK).then(|| Duration::from_millis(milliseconds).clamp(HINT.0, HINT.1))
}
