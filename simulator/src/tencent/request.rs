//! A request taken apart: which signature it carries, its common parameters, its own parameters.

use http::Method;
use serde_json::Value;

use super::account::Key;
use super::auth::{self, Authorization};
use super::auth_v1;
use super::refusal::Refusal;
use super::schema::{self, Field};
use crate::server::Incoming;

/// Parameters that belong to the request as such when they travel beside the action's own.
const COMMON: &[&str] = &[
    "Action",
    "Nonce",
    "Timestamp",
    "Version",
    "Region",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Token",
    "Language",
    "RequestClient",
];

const GET_LIMIT: usize = 32 << 10;
const FORM_LIMIT: usize = 1 << 20;
/// A POST with the newer signature may have 10 MB.
pub(crate) const BODY_LIMIT: usize = 10 << 20;

/// How a request is signed.
enum Scheme {
    /// TC3: common parameters are headers.
    Headers,
    /// `HmacSHA1` or `HmacSHA256`: everything is a parameter.
    Parameters(Vec<(String, String)>),
}

/// A request of the API, not yet checked.
pub(crate) struct Request<'a> {
    incoming: &'a Incoming,
    scheme: Scheme,
}

impl<'a> Request<'a> {
    pub(crate) fn new(incoming: &'a Incoming) -> Self {
        let by_header = ["authorization", "x-tc-action"].iter().any(|name| incoming.header(name).is_some());
        let scheme = if by_header {
            Scheme::Headers
        } else if incoming.method == Method::GET {
            Scheme::Parameters(pairs(incoming.query()))
        } else {
            Scheme::Parameters(pairs(&String::from_utf8_lossy(&incoming.body)))
        };
        Self { incoming, scheme }
    }

    fn common(&self, header: &str, parameter: &str) -> Option<&str> {
        let value = match &self.scheme {
            Scheme::Headers => self.incoming.header(header),
            Scheme::Parameters(pairs) => {
                pairs.iter().find(|(name, _)| name == parameter).map(|(_, value)| value.as_str())
            }
        };
        value.filter(|value| !value.is_empty())
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.common("x-tc-action", "Action")
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.common("x-tc-version", "Version")
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.common("x-tc-region", "Region")
    }

    /// The key that the request claims, found without checking anything.
    pub(crate) fn secret_id(&self) -> Option<&str> {
        match &self.scheme {
            Scheme::Headers => {
                let text = self.incoming.header("authorization")?.split_once("Credential=")?.1;
                text.split('/').next()
            }
            Scheme::Parameters(_) => self.common("", "SecretId"),
        }
    }

    /// Method and size.
    pub(crate) fn check_form(&self) -> Result<(), Refusal> {
        let (size, limit) = match (&self.incoming.method, &self.scheme) {
            (&Method::GET, _) => (self.incoming.query().len(), GET_LIMIT),
            (&Method::POST, Scheme::Parameters(_)) => (self.incoming.body.len(), FORM_LIMIT),
            (&Method::POST, Scheme::Headers) => (self.incoming.body.len(), BODY_LIMIT),
            _ => {
                return Err(Refusal::new("UnsupportedProtocol", "Only GET and POST are supported."));
            }
        };
        if size > limit || self.incoming.oversized {
            let message = format!("The request is larger than {limit} bytes.");
            return Err(Refusal::new("RequestSizeLimitExceeded", message));
        }
        Ok(())
    }

    fn timestamp(&self) -> Result<i64, Refusal> {
        let (header, parameter) = ("x-tc-timestamp", "Timestamp");
        let text = self.common(header, parameter).ok_or_else(|| Refusal::missing(parameter))?;
        let digits = text.bytes().all(|c| c.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.ok_or_else(|| Refusal::invalid("The timestamp must be UNIX seconds in decimal digits."))
    }

    /// The `Authorization` header, or `None` for a request that is signed in its parameters.
    fn authorization(&self) -> Result<Option<Authorization>, Refusal> {
        match &self.scheme {
            Scheme::Parameters(_) => {
                for name in ["SecretId", "Signature", "Nonce"] {
                    self.common("", name).ok_or_else(|| Refusal::missing(name))?;
                }
                Ok(None)
            }
            Scheme::Headers => {
                let header = self.incoming.header("authorization").and_then(auth::parse);
                header.map(Some).ok_or_else(|| {
                    Refusal::new(
                        "AuthFailure.InvalidAuthorization",
                        "The `Authorization` header is missing or does not have the documented form.",
                    )
                })
            }
        }
    }

    /// Checks key, clock, signature and token. `find` looks a key up.
    pub(crate) fn authenticate<T>(
        &self,
        now: i64,
        find: impl Fn(&str) -> Option<(std::sync::Arc<Key>, T)>,
    ) -> Result<T, Refusal> {
        let authorization = self.authorization()?;
        let timestamp = self.timestamp()?;
        let (key, owner) = self.secret_id().and_then(find).ok_or_else(|| {
            Refusal::new(
                "AuthFailure.SecretIdNotFound",
                "The SecretId is not found, please ensure that it is correct.",
            )
        })?;
        auth::check_window(timestamp, now)?;
        self.verify(authorization.as_ref(), timestamp, &key)?;
        if self.common("x-tc-token", "Token") != key.token.as_deref() {
            return Err(Refusal::new("AuthFailure.TokenFailure", "The token is missing, wrong or expired."));
        }
        Ok(owner)
    }

    fn verify(
        &self,
        authorization: Option<&Authorization>,
        timestamp: i64,
        key: &Key,
    ) -> Result<(), Refusal> {
        let method = self.incoming.method.as_str();
        match (&self.scheme, authorization) {
            (Scheme::Parameters(pairs), _) => {
                let host = self.incoming.header("host").unwrap_or_default();
                auth_v1::verify(method, host, pairs, &key.secret_key)
            }
            (Scheme::Headers, Some(authorization)) => {
                let get = self.incoming.method == Method::GET;
                let unsigned = self.incoming.header("x-tc-content-sha256") == Some(auth::UNSIGNED);
                let signed = auth::Signed {
                    method,
                    query: if get { self.incoming.query() } else { "" },
                    body: if get { b"" } else { &self.incoming.body },
                    unsigned_payload: unsigned,
                    timestamp,
                };
                let header = |name: &str| self.incoming.header(name).map(str::to_owned);
                auth::verify(authorization, &signed, &key.secret_key, header)
            }
            (Scheme::Headers, None) => Err(Refusal::missing("Authorization")),
        }
    }

    /// The action's own parameters as a document.
    pub(crate) fn document(&self, fields: &'static [Field]) -> Result<Value, Refusal> {
        match &self.scheme {
            Scheme::Parameters(pairs) => {
                let own: Vec<_> =
                    pairs.iter().filter(|(name, _)| !COMMON.contains(&name.as_str())).cloned().collect();
                schema::unflatten(fields, &own)
            }
            Scheme::Headers if self.incoming.method == Method::GET => {
                schema::unflatten(fields, &pairs(self.incoming.query()))
            }
            Scheme::Headers => {
                let content_type = self.incoming.header("content-type").unwrap_or_default();
                if content_type.split(';').next().map(str::trim) != Some("application/json") {
                    let message = "The content type of a POST must be `application/json`.";
                    return Err(Refusal::new("InvalidRequest", message));
                }
                serde_json::from_slice(&self.incoming.body)
                    .map_err(|_| Refusal::invalid("The body is not a JSON document."))
            }
        }
    }
}

/// Splits a query or form into names and values.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes percent escapes and `+`; what is no escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        if let Some(value) = escape.and_then(|digits| hex::decode(digits).ok()) {
            out.extend(value);
            at += 3;
        } else {
            out.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        assert_eq!(
            pairs("A.B=1&Signature=a%2Bb%3D&Name=a+b&Text=%E6%B8%A9&Odd=%zz&&Bare"),
            [
                ("A.B", "1"),
                ("Signature", "a+b="),
                ("Name", "a b"),
                ("Text", "温"),
                ("Odd", "%zz"),
                ("Bare", "")
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
