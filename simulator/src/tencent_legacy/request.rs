//! A request taken apart: its common parameters and the action's own.

use std::sync::Arc;

use http::Method;

use super::auth;
use super::refusal::Refusal;
use crate::server::Incoming;
use crate::tencent::Key;
use crate::tencent::account::Account;
use crate::tencent::query_pairs as pairs;

/// Parameters that belong to the request as such.
const COMMON: &[&str] = &[
    "Action",
    "Region",
    "Timestamp",
    "Nonce",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Token",
    "Version",
    "RequestClient",
];

const FORM: &str = "application/x-www-form-urlencoded";

/// A request of the API, not yet checked.
pub(crate) struct Request<'a> {
    incoming: &'a Incoming,
    parameters: Vec<(String, String)>,
}

/// Who signed a request.
pub(crate) struct Signed {
    pub(crate) owner: Arc<Account>,
    pub(crate) secret_id: String,
    pub(crate) nonce: u64,
}

impl<'a> Request<'a> {
    /// GET has its parameters in the query, POST in the body; the other place is not read.
    pub(crate) fn new(incoming: &'a Incoming) -> Self {
        let parameters = if incoming.method == Method::GET {
            pairs(incoming.query())
        } else {
            pairs(&String::from_utf8_lossy(&incoming.body))
        };
        Self { incoming, parameters }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A common parameter that is not empty.
    pub(crate) fn common(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.common(name).ok_or_else(|| Refusal::missing(name))
    }

    /// A parameter of the action's own.
    pub(crate) fn own_value(&self, name: &str) -> Option<&str> {
        self.value(name)
    }

    /// Method, content type, and every name once.
    pub(crate) fn check_form(&self) -> Result<(), Refusal> {
        let bad = |message: String| Err(Refusal::common(4000, "InvalidRequest", message));
        match self.incoming.method {
            Method::GET => {}
            Method::POST => {
                let content_type = self.incoming.header("content-type").unwrap_or_default();
                if content_type.split(';').next().map(str::trim) != Some(FORM) {
                    return bad(format!("the content type of a POST must be {FORM}"));
                }
            }
            _ => {
                let message = "only GET and POST are supported".to_owned();
                return Err(Refusal::common(4600, "UnsupportedProtocol", message));
            }
        }
        if self.incoming.oversized {
            return bad("the request is too large".to_owned());
        }
        let mut names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => bad(format!("the parameter {} is there twice", pair[0])),
            None => Ok(()),
        }
    }

    /// A positive whole number in decimal digits.
    fn number(&self, name: &str) -> Result<u64, Refusal> {
        let text = self.required(name)?;
        let digits = text.bytes().all(|c| c.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number > 0).ok_or_else(|| {
            let message = format!("the parameter {name} must be a positive whole number");
            Refusal::common(4000, "InvalidParameter", message)
        })
    }

    /// Checks key, clock, signature and token. `find` looks a key up.
    pub(crate) fn authenticate(
        &self,
        now: i64,
        strict: bool,
        find: impl Fn(&str) -> Option<(Arc<Key>, Arc<Account>)>,
    ) -> Result<Signed, Refusal> {
        let timestamp = i64::try_from(self.number("Timestamp")?).unwrap_or(i64::MAX);
        let nonce = self.number("Nonce")?;
        self.required("Signature")?;
        let secret_id = self.required("SecretId")?.to_owned();
        let (key, owner) = find(&secret_id).ok_or_else(|| {
            Refusal::common(4104, "SecretIdNotFound", "the SecretId does not exist".to_owned())
        })?;
        auth::check_window(timestamp, now, strict)?;
        let host = self.incoming.header("host").unwrap_or_default();
        auth::verify(self.incoming.method.as_str(), host, &self.parameters, &key.secret_key)?;
        if self.common("Token") != key.token.as_deref() {
            let message = "the token is missing, wrong or expired".to_owned();
            return Err(Refusal::common(4105, "TokenFailure", message));
        }
        Ok(Signed { owner, secret_id, nonce })
    }
}

/// The action's own parameters: every one known, the required ones there.
pub(crate) struct Own<'a> {
    request: &'a Request<'a>,
    /// Number of "bad parameters" in this action's service.
    bad: u32,
}

/// Name of a parameter and whether it is required.
pub(crate) type Parameter = (&'static str, bool);

impl<'a> Own<'a> {
    pub(crate) fn new(request: &'a Request<'a>, known: &[Parameter], bad: u32) -> Result<Self, Refusal> {
        let own = Self { request, bad };
        let names = request.parameters.iter().map(|(name, _)| name.as_str());
        let strange = |name: &&str| !COMMON.contains(name) && !known.iter().any(|(known, _)| known == name);
        if let Some(name) = names.into_iter().find(strange) {
            return Err(own.bad(format!("there is no parameter {name}")));
        }
        match known.iter().find(|(name, required)| *required && own.text(name).is_empty()) {
            Some((name, _)) => Err(own.bad(format!("the parameter {name} is missing"))),
            None => Ok(own),
        }
    }

    /// Bad parameters, with a message.
    pub(crate) fn bad(&self, message: String) -> Refusal {
        Refusal::service(self.bad, message)
    }

    /// The value, or an empty text.
    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.request.value(name).unwrap_or_default()
    }

    /// Start and length of the page that is asked for; `None` if there is no such page.
    pub(crate) fn page(&self, longest: usize) -> Option<(usize, usize)> {
        let number = |name: &str| self.request.number(name).ok().and_then(|n| usize::try_from(n).ok());
        let (page, size) = (number("pageNum")?, number("pageSize")?);
        (10..=longest).contains(&size).then(|| ((page - 1).saturating_mul(size), size))
    }
}
