//! A request taken apart: which signature it carries, its common parameters, its own parameters.

use std::sync::Arc;

use http::Method;

use super::account::{Account, Key};
use super::auth::{self, Covered};
use super::params::Params;
use super::refusal::Refusal;
use super::{API_VERSION, query_pairs};
use crate::server::Incoming;

/// How a request is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Common parameters are headers.
    Acs3,
    /// Everything is a parameter.
    Rpc,
}

/// A request of the API, not yet checked.
pub(crate) struct Request<'a> {
    incoming: &'a Incoming,
    style: Style,
    query: Vec<(String, String)>,
    /// Parameters of the query and of a form in the body.
    all: Vec<(String, String)>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(incoming: &'a Incoming) -> Self {
        let acs3 = ["x-acs-date", "x-acs-content-sha256"].iter().any(|name| incoming.header(name).is_some());
        let query = query_pairs(incoming.query());
        let form = incoming.header("content-type").unwrap_or_default();
        let mut all = query.clone();
        if form.starts_with("application/x-www-form-urlencoded") {
            all.extend(query_pairs(&String::from_utf8_lossy(&incoming.body)));
        }
        Self { incoming, style: if acs3 { Style::Acs3 } else { Style::Rpc }, query, all }
    }

    /// Whether a request is for this vendor, as far as can be seen before anything is checked.
    pub(crate) fn is_for_alibaba(incoming: &Incoming) -> bool {
        let by_header = incoming.headers.keys().any(|name| name.as_str().starts_with("x-acs-"));
        let form = String::from_utf8_lossy(&incoming.body);
        by_header
            || query_pairs(incoming.query()).iter().chain(&query_pairs(&form)).any(|(name, value)| {
                ["AccessKeyId", "SignatureVersion"].contains(&name.as_str())
                    || (name == "Version" && value == API_VERSION)
            })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.all.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn common(&self, header: &str, parameter: &str) -> Option<&str> {
        match self.style {
            Style::Acs3 => self.incoming.header(header).filter(|value| !value.is_empty()),
            Style::Rpc => self.parameter(parameter),
        }
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.common("x-acs-action", "Action")
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.common("x-acs-version", "Version")
    }

    /// Whether the answer is to be JSON; the vendor's default is XML.
    pub(crate) fn wants_json(&self) -> bool {
        match self.style {
            Style::Acs3 => self.incoming.header("accept").is_some_and(|accept| accept.contains("json")),
            Style::Rpc => self.parameter("Format").is_some_and(|format| format.eq_ignore_ascii_case("json")),
        }
    }

    /// The host that was called, as failures of the gateway show it.
    pub(crate) fn host(&self) -> &str {
        self.incoming.header("host").unwrap_or_default()
    }

    /// The key that the request claims, found without checking anything.
    pub(crate) fn key_id(&self) -> Option<&str> {
        match self.style {
            Style::Acs3 => {
                let text = self.incoming.header("authorization")?.split_once("Credential=")?.1;
                text.split(',').next()
            }
            Style::Rpc => self.parameter("AccessKeyId"),
        }
    }

    /// Method and size.
    pub(crate) fn check_form(&self) -> Result<(), Refusal> {
        if self.incoming.oversized {
            return Err(Refusal::new("InvalidParameter", "The request is too large."));
        }
        match self.incoming.method {
            Method::GET | Method::POST => Ok(()),
            _ => Err(Refusal::new("UnsupportedHTTPMethod", "This http method is not supported.")),
        }
    }

    /// Checks key, clock, nonce, signature and token. `find` looks a key up.
    pub(crate) fn authenticate(
        &self,
        now: i64,
        find: impl Fn(&str) -> Option<(Arc<Key>, Arc<Account>)>,
    ) -> Result<Arc<Account>, Refusal> {
        let incomplete =
            || Refusal::new("IncompleteSignature", "The signature does not have the documented form.");
        let authorization = match self.style {
            Style::Rpc => None,
            Style::Acs3 => {
                let parsed = self.incoming.header("authorization").and_then(auth::parse);
                Some(parsed.ok_or_else(incomplete)?)
            }
        };
        if self.style == Style::Rpc {
            for name in ["AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"] {
                self.parameter(name).ok_or_else(|| Refusal::missing(name))?;
            }
            if self.parameter("SignatureMethod") != Some("HMAC-SHA1") {
                return Err(Refusal::new("InvalidSignatureMethod", "The signature method is not supported."));
            }
        }
        let date = self.common("x-acs-date", "Timestamp").ok_or_else(|| Refusal::missing("Timestamp"))?;
        let nonce = self.common("x-acs-signature-nonce", "SignatureNonce");
        let nonce = nonce.ok_or_else(|| Refusal::missing("SignatureNonce"))?;
        let key_id = self.key_id().unwrap_or_default();
        let (key, owner) = find(key_id).ok_or_else(|| {
            Refusal::new("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        })?;
        if key.inactive {
            return Err(Refusal::new("InvalidAccessKeyId.Inactive", "Specified access key is disabled."));
        }
        auth::check_window(auth::time(date)?, now)?;
        owner.take_nonce(key_id, nonce, now)?;
        let (method, secret) = (self.incoming.method.as_str(), key.access_key_secret.as_str());
        if let Some(authorization) = &authorization {
            let covered = Covered { method, query: &self.query, body: &self.incoming.body };
            auth::verify_acs3(authorization, &covered, secret, |name| self.incoming.header(name))?;
        } else {
            let signature = self.parameter("Signature").unwrap_or_default();
            auth::verify_rpc(method, &self.all, secret, signature)?;
        }
        match (self.common("x-acs-security-token", "SecurityToken"), key.security_token.as_deref()) {
            (sent, expected) if sent == expected => Ok(owner),
            (Some(_), Some(_)) => {
                Err(Refusal::new("InvalidSecurityToken.Expired", "Specified SecurityToken is expired."))
            }
            _ => Err(Refusal::new(
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken mismatch with the AccessKey.",
            )),
        }
    }

    /// The action's own parameters, among the others.
    pub(crate) fn params(&self) -> Params {
        Params::new(self.all.clone())
    }
}
