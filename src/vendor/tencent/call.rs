//! One call: budget, signature, one attempt, and what the answer means.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::client::Tencent;
use super::error::{Meaning, of_code, of_status};
use super::sign;
use super::wire::{self, Members, Refusal, Unreadable};
use crate::http::limit::Permit;
use crate::http::transport::{Answer, Request};
use crate::text::{Code, RequestId, VENDOR_WORDS, printable};
use crate::vendor::line::sensitive;
use crate::vendor::{Call, Class, Effect, VendorError};

const VERSION: &str = "2021-04-08";

/// How the operator introduces itself ("Common Params": `X-TC-RequestClient`).
const REQUEST_CLIENT: &str = "iot-product-operator";

/// One call before it is signed.
pub(super) struct Ask<'a> {
    pub(super) action: &'static str,
    pub(super) object: &'a str,
    pub(super) body: String,
    /// A secret in the body, kept out of what the vendor's message may repeat.
    pub(super) hide: Option<&'a SecretString>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(action: &'static str, object: &'a str, body: String) -> Self {
        Self { action, object, body, hide: None }
    }

    /// An answer that does not hold what the action promises.
    pub(super) fn unreadable(&self, what: &str) -> VendorError {
        let class = Class::Unavailable;
        let not_sent = VendorError::not_sent(self.action, self.object, class, what);
        VendorError { effect: Effect::Unclear, ..not_sent }
    }
}

impl Tencent {
    /// Waits for the budget and makes one attempt.
    pub(super) async fn call(&self, ask: &Ask<'_>, call: Call) -> Result<Members, VendorError> {
        let permit = self.line.permit(ask.action, ask.object, call).await?;
        self.attempt(ask, permit, call.deadline).await
    }

    /// One signed attempt, and its outcome to the budget.
    pub(super) async fn attempt(
        &self,
        ask: &Ask<'_>,
        permit: Permit,
        deadline: Instant,
    ) -> Result<Members, VendorError> {
        let headers = self.headers(ask, self.line.now()).map_err(|_| {
            let message = "the key's id, token or the region has characters that a header cannot carry; \
                           write them without line breaks";
            VendorError::not_sent(ask.action, ask.object, Class::Credentials, message)
        })?;
        let body = Bytes::from(ask.body.clone());
        let request = Request { method: Method::POST, url: self.url.clone(), headers, body };
        let judge = |answer: &Answer| self.judge(ask, answer);
        self.line.send((ask.action, ask.object), request, permit, deadline, judge).await
    }

    fn headers(&self, ask: &Ask<'_>, now: Timestamp) -> Result<HeaderMap, InvalidHeaderValue> {
        let authorization = self.signer.authorize(&self.host, ask.action, ask.body.as_bytes(), now);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(sign::CONTENT_TYPE));
        headers.insert(AUTHORIZATION, sensitive(&authorization)?);
        headers.insert("x-tc-action", HeaderValue::from_static(ask.action));
        headers.insert("x-tc-version", HeaderValue::from_static(VERSION));
        headers.insert("x-tc-timestamp", HeaderValue::from(now.as_second()));
        headers.insert("x-tc-region", HeaderValue::from_str(&self.region)?);
        headers.insert("x-tc-language", HeaderValue::from_static("en-US"));
        headers.insert("x-tc-requestclient", HeaderValue::from_static(REQUEST_CLIENT));
        if let Some(token) = &self.token {
            headers.insert("x-tc-token", sensitive(token.expose_secret())?);
        }
        Ok(headers)
    }

    /// What an answer says. Only HTTP 200 is the API's own word.
    fn judge(&self, ask: &Ask<'_>, answer: &Answer) -> Result<Members, VendorError> {
        let envelope = wire::envelope(&answer.body);
        let hide = || ask.hide.into_iter().chain(&self.token);
        let request_id = envelope.as_ref().ok().and_then(|envelope| envelope.request_id.as_deref());
        let request_id = request_id.map(|id| RequestId::without(id, hide()));
        let (code, message) = match envelope.map(|envelope| envelope.content) {
            Ok(Ok(members)) if answer.status == StatusCode::OK => {
                return Ok(members);
            }
            Ok(Err(Refusal { code, message })) => {
                let code = code.map(|code| Code::without(&code, hide()));
                (code, printable(&message, VENDOR_WORDS, hide()))
            }
            Err(unreadable) if answer.status == StatusCode::OK => {
                return Err(ask.unreadable(&unreadable.to_string()));
            }
            _ => (None, String::new()),
        };
        let (meaning, message) = match (answer.status, &code, message.is_empty()) {
            (StatusCode::OK, None, true) => {
                let meaning = Meaning { class: Class::Unavailable, effect: Effect::Unclear };
                (meaning, Unreadable::NoAnswer.to_string())
            }
            (StatusCode::OK, code, _) => (of_code(ask.action, code.as_deref()), message),
            (status, code, _) => {
                let message = format!("HTTP {} {message}", status.as_u16());
                (of_status(status, ask.action, code.as_deref()), message)
            }
        };
        Err(VendorError {
            action: ask.action,
            object: ask.object.into(),
            class: meaning.class,
            effect: meaning.effect,
            code,
            message: message.into(),
            request_id,
            retry_after: answer.retry_after(),
            source: None,
        })
    }
}
