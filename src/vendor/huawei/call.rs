//! One call: budget, proof of who asks, one attempt, and what the answer means.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use super::attempts::{Attempts, Cause, Halt, Tag, Verdict};
use super::client::Huawei;
use super::error::{is_lock, is_stale_token, meaning, spelling};
use super::sign::{self, Signed, Signer};
use super::token::{Token, Tokens};
use super::wire::{self, Members};
use crate::http::Url;
use crate::http::limit::Permit;

use crate::http::transport::{Answer, Request};
use crate::text::{Code, RequestId, VENDOR_WORDS, printable};
use crate::vendor::line::sensitive;
use crate::vendor::{Call, Class, Effect, VendorError};

/// As the vendor's SDK sends it.
const JSON: &str = "application/json;charset=UTF-8";

/// A change of what is known of the vendor's clock by less than this puts no date right that was minutes off.
const LEARNT: SignedDuration = SignedDuration::from_mins(1);

/// What a call is and what it is about, for its errors.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) action: &'static str,
    pub(super) object: &'a str,
    /// A secret in the body, kept out of what the vendor's message may repeat.
    pub(super) hide: Option<&'a SecretString>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(action: &'static str, object: &'a str) -> Self {
        Self { action, object, hide: None }
    }

    /// An answer that does not hold what the action promises.
    pub(super) fn unreadable(&self, what: &str) -> VendorError {
        let not_sent = self.not_sent(Class::Unavailable, what);
        VendorError { effect: Effect::Unclear, ..not_sent }
    }

    pub(super) fn not_sent(&self, class: Class, message: &str) -> VendorError {
        VendorError::not_sent(self.action, self.object, class, message)
    }

    /// A call that the vendor could lock the key or user for.
    pub(super) fn halted(&self, halt: Halt) -> VendorError {
        match halt {
            Halt::Late => {
                self.not_sent(Class::Busy, "not sent, other calls with this key are still under way")
            }
            Halt::Refused { failures, cause, retry_after } => {
                let (class, why) = match cause {
                    Cause::Key => (Class::Credentials, "put the right one into the credentials Secret"),
                    Cause::Clock | Cause::ClockLearnt => (
                        Class::ClockSkew,
                        "nothing is wrong with the key, but the requests' date is not the vendor's",
                    ),
                };
                let message = format!(
                    "not sent: the vendor refused this key {failures} times in the last minutes and locks it \
                     after more; {why}"
                );
                VendorError { retry_after: Some(retry_after), ..self.not_sent(class, &message) }
            }
        }
    }

    /// What an answer says that is none of success.
    pub(super) fn refused(&self, answer: &Answer) -> VendorError {
        let refusal = wire::refusal(&answer.body);
        let by_header = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let (code, message, request_id) = match refusal {
            Some(refusal) => {
                let code = Code::without(&spelling(&refusal.code), self.hide);
                (Some(code), refusal.message, refusal.request_id)
            }
            None => (None, format!("HTTP {}", answer.status.as_u16()), None),
        };
        let request_id = request_id.as_deref().or(by_header).map(|id| RequestId::without(id, self.hide));
        let meaning = meaning(self.action, answer.status, code.as_deref(), &message);
        VendorError {
            action: self.action,
            object: self.object.into(),
            class: meaning.class,
            effect: meaning.effect,
            code,
            message: printable(&message, VENDOR_WORDS, self.hide).into(),
            request_id,
            retry_after: answer.retry_after(),
            source: None,
        }
    }
}

/// One call of the API before it is signed.
pub(super) struct Ask<'a> {
    pub(super) subject: Subject<'a>,
    method: Method,
    /// Below the instance: `/products/120671`.
    path: String,
    query: String,
    body: Option<String>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(subject: Subject<'a>, path: String) -> Self {
        Self { subject, method: Method::GET, path, query: String::new(), body: None }
    }

    pub(super) fn query(self, pairs: &[(&str, &str)]) -> Self {
        Self { query: sign::canonical_query(pairs), ..self }
    }

    pub(super) fn post(subject: Subject<'a>, path: String, body: String) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(subject, path) }
    }

    pub(super) fn put(subject: Subject<'a>, path: String, body: String) -> Self {
        Self { method: Method::PUT, body: Some(body), ..Self::get(subject, path) }
    }

    pub(super) fn delete(subject: Subject<'a>, path: String) -> Self {
        Self { method: Method::DELETE, ..Self::get(subject, path) }
    }
}

/// How a client proves who it is.
pub(super) enum Access {
    Key(Box<Key>),
    Token(Box<Tokens>),
}

/// An access key.
pub(super) struct Key {
    pub(super) signer: Signer,
    pub(super) security_token: Option<SecretString>,
    pub(super) attempts: std::sync::Arc<Attempts>,
    pub(super) tag: Tag,
}

/// What proves who sends one request.
enum Proof<'a> {
    Signature(&'a Key),
    Token(&'a Token),
}

impl Huawei {
    /// Waits for the budget and makes one attempt. The token comes first: a permit that is held for long
    /// would spoil the spacing of calls.
    pub(super) async fn call(&self, ask: &Ask<'_>, call: Call) -> Result<Members, VendorError> {
        let permit = self.permit(&ask.subject, call).await?;
        self.attempt(ask, permit, call).await
    }

    /// The budget of one call, with what its proof needs at hand.
    pub(super) async fn permit(&self, subject: &Subject<'_>, call: Call) -> Result<Permit, VendorError> {
        if let Access::Token(tokens) = &self.access {
            tokens.current(&self.line, call).await?;
        }
        self.line.permit(subject.action, subject.object, call).await
    }

    /// One attempt; two when the first was refused because of its token alone.
    pub(super) async fn attempt(
        &self,
        ask: &Ask<'_>,
        permit: Permit,
        call: Call,
    ) -> Result<Members, VendorError> {
        let tokens = match &self.access {
            Access::Token(tokens) => tokens,
            Access::Key(key) => {
                let begun = key.attempts.begin(key.tag, call.deadline).await;
                let flight = begun.map_err(|halt| ask.subject.halted(halt))?;
                let ahead = self.line.ahead();
                let result = self.send(ask, permit, call, &Proof::Signature(key)).await;
                let learnt = (self.line.ahead() - ahead).abs() > LEARNT;
                flight.end(verdict(result.as_ref().err(), learnt));
                return result;
            }
        };
        let token = tokens.current(&self.line, call).await?;
        let first = self.send(ask, permit, call, &Proof::Token(&token)).await;
        match first {
            Err(refused) if refused.effect == Effect::Refused && is_stale_token(refused.code.as_deref()) => {
                let Some(token) = tokens.renew(&self.line, &token, call).await? else {
                    return Err(refused);
                };
                let permit = self.line.permit(ask.subject.action, ask.subject.object, call).await?;
                self.send(ask, permit, call, &Proof::Token(&token)).await
            }
            other => other,
        }
    }

    async fn send(
        &self,
        ask: &Ask<'_>,
        permit: Permit,
        call: Call,
        proof: &Proof<'_>,
    ) -> Result<Members, VendorError> {
        let request = self.request(ask, proof).map_err(|_| {
            let message = "the key's id or token has characters that a header cannot carry; write them \
                           without line breaks";
            ask.subject.not_sent(Class::Credentials, message)
        })?;
        let hide = match proof {
            Proof::Signature(key) => key.security_token.as_ref(),
            Proof::Token(_) => None,
        };
        let subject = Subject { hide: ask.subject.hide.or(hide), ..ask.subject };
        let judge = |answer: &Answer| judge(&subject, answer);
        self.line.send((subject.action, subject.object), request, permit, call.deadline, judge).await
    }

    fn request(&self, ask: &Ask<'_>, proof: &Proof<'_>) -> Result<Request, InvalidHeaderValue> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), ask.path));
        url.set_query((!ask.query.is_empty()).then_some(&ask.query));
        let mut headers = HeaderMap::new();
        if ask.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        }
        match proof {
            Proof::Token(token) => {
                headers.insert("x-auth-token", token.header.clone());
            }
            Proof::Signature(key) => self.sign(&mut headers, ask, &url, key)?,
        }
        let body = ask.body.clone().map(Bytes::from).unwrap_or_default();
        Ok(Request { method: ask.method.clone(), url, headers, body })
    }

    /// The vendor's SDK signs every header that it sends, and so does this.
    fn sign(
        &self,
        headers: &mut HeaderMap,
        ask: &Ask<'_>,
        url: &Url,
        key: &Key,
    ) -> Result<(), InvalidHeaderValue> {
        let date = sign::date(self.line.now());
        let mut signed = vec![("host", self.host.as_str()), ("x-project-id", &self.project_id)];
        signed.push(("x-sdk-date", &date));
        if ask.body.is_some() {
            signed.insert(0, ("content-type", JSON));
        }
        if let Some(token) = &key.security_token {
            signed.push(("x-security-token", token.expose_secret()));
            headers.insert("x-security-token", sensitive(token.expose_secret())?);
        }
        let request = Signed {
            method: ask.method.as_str(),
            path: url.path(),
            query: &ask.query,
            headers: &signed,
            body: ask.body.as_deref().unwrap_or_default().as_bytes(),
        };
        headers.insert(AUTHORIZATION, sensitive(&key.signer.authorize(request, &date))?);
        headers.insert("x-project-id", HeaderValue::from_str(&self.project_id)?);
        headers.insert("x-sdk-date", HeaderValue::from_str(&date)?);
        Ok(())
    }
}

/// What an answer says. A success without a JSON object is none of the vendor's.
fn judge(subject: &Subject<'_>, answer: &Answer) -> Result<Members, VendorError> {
    match answer.status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => {
            wire::members(&answer.body).map_err(|unreadable| subject.unreadable(&unreadable.to_string()))
        }
        _ => Err(subject.refused(answer)),
    }
}

/// What an answer tells of the key. Only the service's own word shows that it was accepted: the gateway may
/// refuse for other reasons before it looks at the signature. `learnt`: the next request has another date.
fn verdict(error: Option<&VendorError>, learnt: bool) -> Verdict {
    let Some(error) = error else {
        return Verdict::Accepted;
    };
    let code = error.code.as_deref();
    match error.class {
        _ if error.effect == Effect::NotSent => Verdict::Unknown,
        Class::Credentials if is_lock(code, &error.message) => Verdict::Locked,
        Class::Credentials => Verdict::Refused(Cause::Key),
        Class::ClockSkew if learnt => Verdict::Refused(Cause::ClockLearnt),
        Class::ClockSkew => Verdict::Refused(Cause::Clock),
        _ if code.is_some_and(|code| code.starts_with("ROMA.") || code.starts_with("SCB.")) => {
            Verdict::Accepted
        }
        _ => Verdict::Unknown,
    }
}
