//! ACS3-HMAC-SHA256 and RPC HMAC-SHA1, one pure function per step of "Signature method V3" and "Signature"
//! (common parameters of RPC style).

use std::fmt;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::wire::Parameters;
use crate::api::account::AlibabaSignature;

/// Version of the API ("Common parameters").
pub(super) const VERSION: &str = "2018-01-20";

const ACS3: &str = "ACS3-HMAC-SHA256";
const FORM: &str = "application/x-www-form-urlencoded";

/// The HTTP client leaves the length of an empty body out, and a gateway may refuse a POST without length.
const NO_BODY: HeaderValue = HeaderValue::from_static("0");

/// Percent-encodes: letters, digits and `-_.~` stay, everything else is `%XX` in capitals.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    encoded
}

/// Names and values encoded, sorted by name in byte order, joined.
pub(super) fn canonical_query(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    sorted
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// RPC, step 5: the string to sign; the method is part of it.
pub(super) fn rpc_string_to_sign(method: &str, canonical_query: &str) -> String {
    format!("{method}&{}&{}", encode("/"), encode(canonical_query))
}

/// RPC, step 6: the signature. The key is the secret with an ampersand behind it.
pub(super) fn rpc_signature(secret: &SecretString, string_to_sign: &str) -> String {
    let key = SecretString::from(format!("{}&", secret.expose_secret()));
    // The vendor's algorithm, whatever SHA-1 is worth elsewhere.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.expose_secret().as_bytes());
    BASE64.encode(hmac::sign(&key, string_to_sign.as_bytes()))
}

/// What of an ACS3 request is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// Method in capitals.
    pub(super) method: &'a str,
    /// Canonical query, which is also the query that is sent.
    pub(super) query: &'a str,
    /// Signed headers: lower-case names in order.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Body exactly as sent.
    pub(super) body: &'a [u8],
}

impl Signed<'_> {
    fn names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }
}

/// Lower-case hex of the SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// ACS3, step 1: the canonical request. The path is always `/`.
pub(super) fn canonical_request(signed: Signed<'_>) -> String {
    let mut block = String::new();
    for (name, value) in signed.headers {
        block.extend([*name, ":", value.trim(), "\n"]);
    }
    let Signed { method, query, body, .. } = signed;
    format!("{method}\n/\n{query}\n{block}\n{}\n{}", signed.names(), sha256(body))
}

/// ACS3, step 2: the string to sign.
pub(super) fn string_to_sign(canonical_request: &str) -> String {
    format!("{ACS3}\n{}", sha256(canonical_request.as_bytes()))
}

/// ACS3, step 3: the signature, with the secret as it is.
pub(super) fn signature(secret: &SecretString, string_to_sign: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    hex::encode(hmac::sign(&key, string_to_sign.as_bytes()))
}

/// ACS3: value of the `Authorization` header.
pub(super) fn authorization(key_id: &str, signed: Signed<'_>, signature: &str) -> String {
    format!("{ACS3} Credential={key_id},SignedHeaders={},Signature={signature}", signed.names())
}

/// What makes one transmission unlike every other: the vendor takes a nonce once and a time within 15
/// minutes of its own.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    /// Time of the vendor's clock.
    pub(super) date: String,
    /// Any text that was never sent before.
    pub(super) nonce: String,
}

impl Stamp {
    /// A fresh one. `None` when the system has no random numbers.
    pub(super) fn fresh(now: Timestamp) -> Option<Self> {
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        Some(Self { date: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), nonce: hex::encode(nonce) })
    }
}

/// A signed POST.
pub(super) struct Ready {
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What was signed, for comparison with what the vendor says it would have signed. May hold a token.
    pub(super) string_to_sign: SecretString,
}

/// A text that no header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadHeader;

/// The key of one account.
pub(super) struct Signer {
    pub(super) style: AlibabaSignature,
    pub(super) key_id: String,
    pub(super) secret: SecretString,
    pub(super) token: Option<SecretString>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs a POST of `action` to `host` with the action's own parameters.
    pub(super) fn sign(
        &self,
        host: &str,
        region: &str,
        action: &str,
        parameters: Parameters,
        stamp: &Stamp,
    ) -> Result<Ready, BadHeader> {
        match self.style {
            AlibabaSignature::Acs3 => self.sign_acs3(host, action, &parameters, stamp),
            AlibabaSignature::Rpc => Ok(self.sign_rpc(region, action, parameters, stamp)),
        }
    }

    fn sign_acs3(
        &self,
        host: &str,
        action: &str,
        parameters: &Parameters,
        stamp: &Stamp,
    ) -> Result<Ready, BadHeader> {
        let query = canonical_query(parameters);
        let empty = sha256(b"");
        let mut named = vec![
            ("accept", "application/json"),
            ("host", host),
            ("x-acs-action", action),
            ("x-acs-content-sha256", &empty),
            ("x-acs-date", &stamp.date),
            ("x-acs-signature-nonce", &stamp.nonce),
            ("x-acs-version", VERSION),
        ];
        if let Some(token) = &self.token {
            named.push(("x-acs-accesskey-id", &self.key_id));
            named.push(("x-acs-security-token", token.expose_secret()));
            named.sort_unstable();
        }
        let signed = Signed { method: "POST", query: &query, headers: &named, body: b"" };
        let text = string_to_sign(&canonical_request(signed));
        let authorization = authorization(&self.key_id, signed, &signature(&self.secret, &text));
        let mut headers = HeaderMap::new();
        // The transport writes Host itself.
        for (name, value) in named.iter().filter(|(name, _)| *name != "host") {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadHeader)?;
            headers.insert(name, header(value)?);
        }
        headers.insert(AUTHORIZATION, header(&authorization)?);
        headers.insert(CONTENT_LENGTH, NO_BODY);
        Ok(Ready { query, headers, body: Bytes::new(), string_to_sign: text.into() })
    }

    fn sign_rpc(&self, region: &str, action: &str, parameters: Parameters, stamp: &Stamp) -> Ready {
        let mut all = parameters;
        let common = [
            ("Action", action),
            ("Version", VERSION),
            // Without it answers are XML.
            ("Format", "JSON"),
            ("AccessKeyId", &self.key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &stamp.nonce),
            ("Timestamp", &stamp.date),
            ("RegionId", region),
        ];
        all.extend(common.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let in_query = all.clone();
        let token = self.token.as_ref().map(|token| token.expose_secret().to_owned());
        let in_body: Parameters =
            token.map(|token| ("SecurityToken".to_owned(), token)).into_iter().collect();
        all.extend(in_body.iter().cloned());
        let text = rpc_string_to_sign("POST", &canonical_query(&all));
        let signature = rpc_signature(&self.secret, &text);
        let query = format!("{}&Signature={}", canonical_query(&in_query), encode(&signature));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // A token in a URL would be in every log on the way; parameters of a form are signed all the same.
        let body = Bytes::from(canonical_query(&in_body));
        if body.is_empty() {
            headers.insert(CONTENT_LENGTH, NO_BODY);
        } else {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        }
        Ready { query, headers, body, string_to_sign: text.into() }
    }
}

fn header(text: &str) -> Result<HeaderValue, BadHeader> {
    let mut value = HeaderValue::from_str(text).map_err(|_| BadHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
