//! TC3-HMAC-SHA256, one pure function per step of "Signature Method v3" (Tencent Cloud API 3.0).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

/// Name of the service in the credential scope, as in the host.
pub(super) const SERVICE: &str = "iotcloud";

/// Byte-equal on the wire and in the signature.
pub(super) const CONTENT_TYPE: &str = "application/json";

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// Method in capitals.
    pub(super) method: &'a str,
    /// Query exactly as sent, empty for POST.
    pub(super) query: &'a str,
    /// Signed headers: lower-case names in order, values in the form that is signed.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Body exactly as sent.
    pub(super) body: &'a [u8],
}

impl Signed<'_> {
    fn names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }
}

/// Step 1: lower-case hex of the body's SHA-256.
pub(super) fn payload_hash(body: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, body))
}

/// Step 2: the canonical request. The path is always `/`.
pub(super) fn canonical_request(signed: Signed<'_>, payload_hash: &str) -> String {
    let mut block = String::new();
    for (name, value) in signed.headers {
        block.extend([*name, ":", value.trim(), "\n"]);
    }
    format!("{}\n/\n{}\n{block}\n{}\n{payload_hash}", signed.method, signed.query, signed.names())
}

/// Step 3: the string to sign.
pub(super) fn string_to_sign(timestamp: i64, date: &str, service: &str, canonical: &str) -> String {
    let hash = payload_hash(canonical.as_bytes());
    format!("{ALGORITHM}\n{timestamp}\n{date}/{service}/tc3_request\n{hash}")
}

/// Step 4: date key, service key, signing key.
pub(super) fn derived_keys(secret_key: &SecretString, date: &str, service: &str) -> [hmac::Tag; 3] {
    let seed = SecretString::from(format!("TC3{}", secret_key.expose_secret()));
    let date_key = mac(seed.expose_secret().as_bytes(), date);
    let service_key = mac(date_key.as_ref(), service);
    [date_key, service_key, mac(service_key.as_ref(), "tc3_request")]
}

/// Step 5: lower-case hex of the signature.
pub(super) fn signature(signing_key: &[u8], string_to_sign: &str) -> String {
    hex::encode(mac(signing_key, string_to_sign))
}

/// Step 6: value of the `Authorization` header.
pub(super) fn authorization(
    secret_id: &str,
    date: &str,
    service: &str,
    signed: Signed<'_>,
    signature: &str,
) -> String {
    let names = signed.names();
    format!(
        "{ALGORITHM} Credential={secret_id}/{date}/{service}/tc3_request, SignedHeaders={names}, \
         Signature={signature}"
    )
}

/// The date of the scope: the timestamp's day in UTC, never the machine's.
pub(super) fn utc_date(now: Timestamp) -> String {
    now.to_zoned(TimeZone::UTC).date().to_string()
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// The key of one account, with the signing key of the day.
pub(super) struct Signer {
    secret_id: String,
    secret_key: SecretString,
    of_the_day: Mutex<Option<(String, hmac::Tag)>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(secret_id: String, secret_key: SecretString) -> Self {
        Self { secret_id, secret_key, of_the_day: Mutex::new(None) }
    }

    /// The `Authorization` header of a POST. The action is signed too: without it two actions with equal
    /// bodies (`DescribeProduct`, `DeleteProduct`) have the same signature.
    pub(super) fn authorize(&self, host: &str, action: &str, body: &[u8], now: Timestamp) -> String {
        let date = utc_date(now);
        let action = action.to_ascii_lowercase();
        let headers = [("content-type", CONTENT_TYPE), ("host", host), ("x-tc-action", action.as_str())];
        let signed = Signed { method: "POST", query: "", headers: &headers, body };
        let canonical = canonical_request(signed, &payload_hash(signed.body));
        let text = string_to_sign(now.as_second(), &date, SERVICE, &canonical);
        let signature = signature(self.signing_key(&date).as_ref(), &text);
        authorization(&self.secret_id, &date, SERVICE, signed, &signature)
    }

    fn signing_key(&self, date: &str) -> hmac::Tag {
        let mut cached = self.of_the_day.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some((day, key)) if day == date => *key,
            _ => {
                let [_, _, key] = derived_keys(&self.secret_key, date, SERVICE);
                *cached = Some((date.to_owned(), key));
                key
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
    }

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../../../tests/vectors/tencent-tc3.json")).unwrap()
    }

    /// Runs one vector through every step; compares every value that the vector states.
    fn check(vector: &Value) {
        let name = text(vector, "name");
        let body = text(vector, "body").as_bytes();
        let headers: Vec<(&str, &str)> = vector["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let signed =
            Signed { method: text(vector, "method"), query: text(vector, "query"), headers: &headers, body };
        let (service, timestamp) = (text(vector, "service"), vector["timestamp"].as_i64().unwrap());
        let date = utc_date(Timestamp::from_second(timestamp).unwrap());
        assert_eq!(date, text(vector, "date"), "{name}");
        let signed_body = if vector["unsignedPayload"] == true { b"UNSIGNED-PAYLOAD" } else { body };
        let payload = payload_hash(signed_body);
        assert_eq!(payload, text(vector, "payloadHash"), "{name}");
        let canonical = canonical_request(signed, &payload);
        if let Some(expected) = vector["canonicalRequest"].as_str() {
            assert_eq!(canonical, expected, "{name}");
        }
        assert_eq!(payload_hash(canonical.as_bytes()), text(vector, "canonicalHash"), "{name}");
        let to_sign = string_to_sign(timestamp, &date, service, &canonical);
        if let Some(expected) = vector["stringToSign"].as_str() {
            assert_eq!(to_sign, expected, "{name}");
        }
        let keys = derived_keys(&text(vector, "secretKey").to_owned().into(), &date, service);
        for (key, expected) in keys.iter().zip(vector["keys"].as_array().unwrap()) {
            if let Some(expected) = expected.as_str() {
                assert_eq!(hex::encode(key), expected, "{name}");
            }
        }
        let signature = signature(keys[2].as_ref(), &to_sign);
        assert_eq!(signature, text(vector, "signature"), "{name}");
        if let Some(expected) = vector["authorization"].as_str() {
            let made = authorization(text(vector, "secretId"), &date, service, signed, &signature);
            assert_eq!(made, expected, "{name}");
        }
    }

    #[test]
    fn every_step_agrees_with_every_vector() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 12);
        vectors.iter().for_each(check);
    }

    #[test]
    fn the_signer_signs_the_action_and_follows_the_date() {
        let signer = Signer::new("AKIDEXAMPLE".to_owned(), "SECRETKEYEXAMPLE".to_owned().into());
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let describe = signer.authorize("h", "DescribeProduct", b"{}", at(1_700_000_000));
        let delete = signer.authorize("h", "DeleteProduct", b"{}", at(1_700_000_000));
        assert_ne!(describe, delete);
        assert!(describe.contains("SignedHeaders=content-type;host;x-tc-action, "));
        let next_day = signer.authorize("h", "DescribeProduct", b"{}", at(1_700_000_000 + 86_400));
        assert!(next_day.contains("/2023-11-15/iotcloud/"));
        let fresh = Signer::new("AKIDEXAMPLE".to_owned(), "SECRETKEYEXAMPLE".to_owned().into());
        assert_eq!(fresh.authorize("h", "DescribeProduct", b"{}", at(1_700_000_000 + 86_400)), next_day);
        assert!(!format!("{signer:?}").contains("EXAMPLE"));
    }
}
