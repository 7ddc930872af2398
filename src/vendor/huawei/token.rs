//! The IAM token of an account: fetched with the user's password, kept, renewed in time ("Obtaining a User
//! Token Through Password Authentication").

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout_at};

use super::attempts::{Attempts, Cause, Tag, Verdict};
use super::call::Subject;
use super::wire::{self, Members};
use crate::clock::later;
use crate::http::Url;
use crate::http::transport::{Answer, Request};
use crate::vendor::line::{Line, sensitive};
use crate::vendor::{Call, Class, Effect, VendorError};

/// Name of the call in the vendor's SDK.
pub(super) const ACTION: &str = "KeystoneCreateUserTokenByPassword";

/// Life of a token that does not say how long it lives.
const LIFE: Duration = Duration::from_hours(24);

/// A token that is refused soon after it was renewed will not be mended by yet another.
const RENEWALS: Duration = Duration::from_mins(1);

/// A token that may end during a call is not used.
const MARGIN: Duration = Duration::from_mins(1);

/// Bytes of the longest token that is kept; those with a catalogue have up to 20,000.
const LONGEST: usize = 32 * 1024;

/// A token, several kilobytes of signed text.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    number: u64,
    renew_at: Instant,
    ends_at: Instant,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    issued: u64,
    /// When a refusal last led to a new token.
    renewed: Option<Instant>,
}

/// The tokens of one IAM user in one project.
pub(super) struct Tokens {
    pub(super) url: Url,
    pub(super) domain_name: String,
    pub(super) user_name: String,
    pub(super) password: SecretString,
    pub(super) project_id: String,
    pub(super) attempts: Arc<Attempts>,
    state: tokio::sync::Mutex<State>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(
        mut url: Url,
        names: (String, String),
        password: SecretString,
        project_id: String,
        attempts: Arc<Attempts>,
    ) -> Self {
        url.set_path("/v3/auth/tokens");
        // Without the catalogue the answer is a tenth as long.
        url.set_query(Some("nocatalog=true"));
        let (domain_name, user_name) = names;
        Self {
            url,
            domain_name,
            user_name,
            password,
            project_id,
            attempts,
            state: tokio::sync::Mutex::default(),
        }
    }

    /// The token in force. At two thirds of its life a new one is fetched; as long as that fails for no
    /// clear reason, the old one serves on.
    pub(super) async fn current(&self, line: &Line, call: Call) -> Result<Token, VendorError> {
        let mut state = self.state(call).await?;
        let now = Instant::now();
        let old = state.token.clone().filter(|token| later(now, MARGIN) < token.ends_at);
        if let Some(token) = old.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.clone());
        }
        match (self.fetch(line, &mut state, call).await, old) {
            (Err(error), Some(old)) if error.class != Class::Credentials => {
                tracing::debug!(%error, "the token could not be renewed and serves on");
                Ok(old)
            }
            (fetched, _) => fetched,
        }
    }

    /// Another token in the place of one that was refused. `None` when a refusal led to a new one just now.
    pub(super) async fn renew(
        &self,
        line: &Line,
        refused: &Token,
        call: Call,
    ) -> Result<Option<Token>, VendorError> {
        let mut state = self.state(call).await?;
        if let Some(token) = state.token.as_ref().filter(|token| token.number != refused.number) {
            return Ok(Some(token.clone()));
        }
        if state.renewed.is_some_and(|at| at.elapsed() < RENEWALS) {
            return Ok(None);
        }
        state.token = None;
        let token = self.fetch(line, &mut state, call).await?;
        state.renewed = Some(Instant::now());
        Ok(Some(token))
    }

    /// Whoever holds the state is the only one who fetches; the others find the token when it is their turn.
    async fn state(&self, call: Call) -> Result<MutexGuard<'_, State>, VendorError> {
        timeout_at(call.deadline, self.state.lock())
            .await
            .map_err(|_| self.subject().not_sent(Class::Busy, "not sent, a token is still being fetched"))
    }

    fn subject(&self) -> Subject<'_> {
        Subject { hide: Some(&self.password), ..Subject::new(ACTION, &self.user_name) }
    }

    /// Fetches a token. Of the call that needs it nothing was sent, however this fails.
    async fn fetch(&self, line: &Line, state: &mut State, call: Call) -> Result<Token, VendorError> {
        let subject = self.subject();
        let permit = line.permit(subject.action, subject.object, call).await?;
        let begun = self.attempts.begin(Tag::of(&self.password), call.deadline).await;
        let flight = begun.map_err(|halt| subject.halted(halt))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf8"));
        let body = wire::login(&self.domain_name, &self.user_name, &self.password, &self.project_id);
        let request =
            Request { method: Method::POST, url: self.url.clone(), headers, body: Bytes::from(body) };
        let number = state.issued + 1;
        let judge = |answer: &Answer| judge(&subject, answer, number);
        let fetched =
            line.send((subject.action, subject.object), request, permit, call.deadline, judge).await;
        flight.end(match &fetched {
            Ok(_) => Verdict::Accepted,
            Err(error) if error.class == Class::Credentials => Verdict::Refused(Cause::Key),
            Err(_) => Verdict::Unknown,
        });
        let token = fetched.map_err(|error| VendorError { effect: Effect::NotSent, ..error })?;
        state.issued = number;
        state.token = Some(token.clone());
        Ok(token)
    }
}

fn judge(subject: &Subject<'_>, answer: &Answer, number: u64) -> Result<Token, VendorError> {
    if !matches!(answer.status, StatusCode::OK | StatusCode::CREATED) {
        return Err(subject.refused(answer));
    }
    let text = answer.headers.get("x-subject-token").and_then(|value| value.to_str().ok());
    let header =
        text.filter(|text| (1..=LONGEST).contains(&text.len())).and_then(|text| sensitive(text).ok());
    let header = header.ok_or_else(|| subject.unreadable("the answer has no X-Subject-Token"))?;
    let life = wire::members(&answer.body).as_ref().ok().and_then(life).unwrap_or(LIFE).min(LIFE);
    let now = Instant::now();
    Ok(Token { header, number, renew_at: later(now, life / 3 * 2), ends_at: later(now, life) })
}

/// By the vendor's clock alone, so that ours may be wrong.
fn life(answer: &Members) -> Option<Duration> {
    let token = answer.get("token")?;
    let time = |name: &str| token.get(name)?.as_str()?.parse::<Timestamp>().ok();
    Duration::try_from(time("expires_at")?.duration_since(time("issued_at")?)).ok()
}

#[cfg(test)]
mod tests;
