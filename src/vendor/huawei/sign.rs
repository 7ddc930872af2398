//! SDK-HMAC-SHA256, one pure function per step of "AK/SK Signing Algorithm" (API Request Signing Guide).

use std::fmt;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// Method in capitals.
    pub(super) method: &'a str,
    /// Path as sent.
    pub(super) path: &'a str,
    /// Query in its canonical form, which is the form that is sent.
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

/// Step 1: the path, each segment encoded anew. It ends with `/` here and only here.
pub(super) fn canonical_uri(path: &str) -> String {
    let mut uri = path.split('/').map(|segment| encode(&decode(segment))).collect::<Vec<_>>().join("/");
    if !uri.ends_with('/') {
        uri.push('/');
    }
    uri
}

/// Step 2: the query, sorted by name, then value.
pub(super) fn canonical_query(pairs: &[(&str, &str)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Step 3: lower-case hex of the body's SHA-256.
pub(super) fn payload_hash(body: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, body))
}

/// Step 4: the canonical request.
pub(super) fn canonical_request(signed: Signed<'_>, payload_hash: &str) -> String {
    let mut block = String::new();
    for (name, value) in signed.headers {
        block.extend([*name, ":", value.trim(), "\n"]);
    }
    let uri = canonical_uri(signed.path);
    format!("{}\n{uri}\n{}\n{block}\n{}\n{payload_hash}", signed.method, signed.query, signed.names())
}

/// Step 5: the string to sign.
pub(super) fn string_to_sign(date: &str, canonical: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{}", payload_hash(canonical.as_bytes()))
}

/// Step 6: lower-case hex of the signature.
pub(super) fn signature(secret_key: &SecretString, string_to_sign: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.expose_secret().as_bytes());
    hex::encode(hmac::sign(&key, string_to_sign.as_bytes()))
}

/// Step 7: value of the `Authorization` header.
pub(super) fn authorization(access_key: &str, signed: Signed<'_>, signature: &str) -> String {
    let names = signed.names();
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}")
}

/// Value of `X-Sdk-Date`.
pub(super) fn date(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// Undoes percent-encoding; what is no escape or no text stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        if let Some(value) = escape.and_then(|digits| hex::decode(digits).ok()) {
            decoded.extend(value);
            at += 3;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

/// The key of one account.
pub(super) struct Signer {
    access_key: String,
    secret_key: SecretString,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(access_key: String, secret_key: SecretString) -> Self {
        Self { access_key, secret_key }
    }

    /// The `Authorization` header of a request whose signed headers hold `x-sdk-date`.
    pub(super) fn authorize(&self, signed: Signed<'_>, date: &str) -> String {
        let canonical = canonical_request(signed, &payload_hash(signed.body));
        let signature = signature(&self.secret_key, &string_to_sign(date, &canonical));
        authorization(&self.access_key, signed, &signature)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
    }

    fn pairs(value: &Value) -> Vec<(&str, &str)> {
        let pairs = value.as_array().unwrap().iter();
        pairs.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
    }

    /// Runs one vector through every step; compares every value that the vector states.
    fn check(vector: &Value) {
        let name = text(vector, "name");
        let query = canonical_query(&pairs(&vector["query"]));
        assert_eq!(query, text(vector, "canonicalQuery"), "{name}");
        let headers = pairs(&vector["headers"]);
        let signed = Signed {
            method: text(vector, "method"),
            path: text(vector, "path"),
            query: &query,
            headers: &headers,
            body: text(vector, "body").as_bytes(),
        };
        let payload = payload_hash(signed.body);
        assert_eq!(payload, text(vector, "payloadHash"), "{name}");
        let canonical = canonical_request(signed, &payload);
        if let Some(expected) = vector["canonicalRequest"].as_str() {
            assert_eq!(canonical, expected, "{name}");
        }
        assert_eq!(payload_hash(canonical.as_bytes()), text(vector, "canonicalHash"), "{name}");
        let signature =
            signature(&text(vector, "secretKey").into(), &string_to_sign(text(vector, "date"), &canonical));
        assert_eq!(signature, text(vector, "signature"), "{name}");
        let made = authorization(text(vector, "accessKey"), signed, &signature);
        assert_eq!(made, text(vector, "authorization"), "{name}");
        let key =
            Signer::new(text(vector, "accessKey").to_owned(), text(vector, "secretKey").to_owned().into());
        assert_eq!(key.authorize(signed, text(vector, "date")), made, "{name}");
        assert!(!format!("{key:?}").contains(text(vector, "secretKey")));
    }

    #[test]
    fn every_step_agrees_with_every_vector() {
        let file = include_str!("../../../tests/vectors/huawei-sdk-hmac.json");
        let vectors: Vec<Value> = serde_json::from_str(file).unwrap();
        assert_eq!(vectors.len(), 5);
        vectors.iter().for_each(check);
    }

    #[test]
    fn paths_are_encoded_once_and_end_with_a_slash() {
        assert_eq!(canonical_uri("/a/b"), "/a/b/");
        assert_eq!(canonical_uri("/a/b/"), "/a/b/");
        assert_eq!(canonical_uri("/a%20b/~%7E/%zz"), "/a%20b/~~/%25zz/");
        assert_eq!(canonical_query(&[("b", "2"), ("a", "2"), ("a", "1")]), "a=1&a=2&b=2");
    }

    #[test]
    fn the_date_is_utc_to_the_second() {
        assert_eq!(date("2024-05-20T14:00:00.9+02:00".parse().unwrap()), "20240520T120000Z");
    }
}
