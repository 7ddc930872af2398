//! One call: budget, signature, one attempt, and what the answer means.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::client::TencentLegacy;
use super::error::{Meaning, UNCLEAR, of_code, of_status};
use super::sign::{self, Parameters};
use super::wire::{self, Members, Refusal, Unreadable};
use crate::http::limit::Permit;
use crate::http::transport::{Answer, Request};
use crate::text::{Message, VENDOR_WORDS, printable};
use crate::vendor::{Call, VendorError};

/// One call before it is signed.
pub(super) struct Ask<'a> {
    pub(super) action: &'static str,
    pub(super) object: &'a str,
    /// The action's own parameters.
    pub(super) parameters: Parameters,
}

impl<'a> Ask<'a> {
    pub(super) fn new(action: &'static str, object: &'a str, parameters: Parameters) -> Self {
        Self { action, object, parameters }
    }

    /// An answer that does not hold what the action promises.
    pub(super) fn unreadable(&self, what: &str) -> VendorError {
        self.failed(UNCLEAR, what)
    }

    /// A failure with this meaning.
    pub(super) fn failed(&self, meaning: Meaning, message: impl Into<Message>) -> VendorError {
        let Meaning { class, effect } = meaning;
        VendorError { effect, ..VendorError::not_sent(self.action, self.object, class, message) }
    }
}

impl TencentLegacy {
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
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let body = Bytes::from(self.body(ask, self.line.now(), sign::nonce()));
        let request = Request { method: Method::POST, url: self.url.clone(), headers, body };
        let judge = |answer: &Answer| self.judge(ask, answer);
        self.line.send((ask.action, ask.object), request, permit, deadline, judge).await
    }

    /// The signed body. In a POST it holds every parameter, so no signature gets into a URL.
    fn body(&self, ask: &Ask<'_>, now: Timestamp, nonce: u32) -> String {
        let mut parameters = ask.parameters.clone();
        parameters.extend([
            ("Action", ask.action.to_owned()),
            ("Region", self.region.clone()),
            ("Timestamp", now.as_second().to_string()),
            ("Nonce", nonce.to_string()),
            ("SecretId", self.secret_id.clone()),
            ("SignatureMethod", sign::METHOD.to_owned()),
        ]);
        if let Some(token) = &self.token {
            parameters.push(("Token", token.expose_secret().to_owned()));
        }
        let pairs = || parameters.iter().map(|(name, value)| (*name, value.as_str()));
        let text = sign::string_to_sign("POST", &self.host, super::PATH, pairs());
        let signature = sign::signature(sign::ALGORITHM, &self.secret_key, &text);
        sign::form(pairs().chain([("Signature", signature.as_str())]))
    }

    /// What an answer says. Only HTTP 200 is the API's own word.
    fn judge(&self, ask: &Ask<'_>, answer: &Answer) -> Result<Members, VendorError> {
        let refusal = match wire::envelope(&answer.body) {
            Ok(Ok(members)) if answer.status == StatusCode::OK => {
                return Ok(members);
            }
            Ok(Err(refusal)) => Some(refusal),
            Err(unreadable) if answer.status == StatusCode::OK => {
                return Err(ask.unreadable(&unreadable.to_string()));
            }
            Ok(Ok(_)) | Err(_) => None,
        };
        let words = refusal
            .as_ref()
            .map(|refusal| {
                let hide = self.token.iter().chain([&self.secret_key]);
                printable(&refusal.message, VENDOR_WORDS, hide)
            })
            .unwrap_or_default();
        let error = match (answer.status, &refusal) {
            (StatusCode::OK, None) => ask.unreadable(&Unreadable::NoAnswer.to_string()),
            (StatusCode::OK, Some(refusal)) => {
                ask.failed(of_code(ask.action, refusal.code, refusal.module), words)
            }
            (status, _) => {
                let message = format!("HTTP {} {words}", status.as_u16());
                ask.failed(of_status(status), message)
            }
        };
        Err(VendorError {
            code: refusal.as_ref().map(|refusal| full_code(refusal).into()),
            retry_after: answer.retry_after(),
            ..error
        })
    }
}

/// The platform's code and the service's number: `5100/1001`.
fn full_code(refusal: &Refusal) -> String {
    match refusal.module {
        Some(module) => format!("{}/{module}", refusal.code),
        None => refusal.code.to_string(),
    }
}
