//! The signature of API 2.0, one pure function per step of "Signature Method" (CVM API, legacy).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// Names and values of a request, in the clear.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// Value of `SignatureMethod`; every other value means HMAC-SHA1.
pub(super) const METHOD: &str = "HmacSHA256";

/// The algorithm of [`METHOD`].
pub(super) const ALGORITHM: hmac::Algorithm = hmac::HMAC_SHA256;

/// Largest nonce: the vendor's samples draw from Java's and PHP's positive integers.
const NONCES: u32 = 0x7fff_ffff;

/// Steps 1 to 4: method, host, path and every parameter sorted by the bytes of its name; values as they
/// are, not encoded.
pub(super) fn string_to_sign<'a>(
    method: &str,
    host: &str,
    path: &str,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut pairs: Vec<(String, &str)> = parameters
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| (name.replace('_', "."), value))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}{host}{path}?{}", pairs.join("&"))
}

/// Step 5: HMAC of the text, in Base64.
pub(super) fn signature(algorithm: hmac::Algorithm, secret_key: &SecretString, text: &str) -> String {
    let key = hmac::Key::new(algorithm, secret_key.expose_secret().as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// Step 6: the body, sorted by name.
pub(super) fn form<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<String> =
        parameters.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.sort();
    pairs.join("&")
}

/// Percent escapes for everything but letters, digits and `-_.~`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}

/// A number that no other request of this process has. Counting up from a random start keeps two
/// requests apart for certain, where drawing each would meet a used one within a few hours of calls.
pub(super) fn nonce() -> u32 {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU32::new(start())).fetch_add(1, Ordering::Relaxed);
    next % NONCES + 1
}

fn start() -> u32 {
    let mut bytes = [0; 4];
    if rand::fill(&mut bytes).is_ok() {
        return u32::from_ne_bytes(bytes);
    }
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
    }

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../../../tests/vectors/tencent-legacy-signatures.json")).unwrap()
    }

    /// Runs one vector through every step; compares every value that the vector states.
    fn check(vector: &Value) {
        let name = text(vector, "name");
        let parameters: Vec<(&str, &str)> = vector["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let host = text(vector, "host");
        let to_sign =
            string_to_sign(text(vector, "method"), host, "/v2/index.php", parameters.iter().copied());
        if let Some(expected) = vector["stringToSign"].as_str() {
            assert_eq!(to_sign, expected, "{name}");
        }
        let algorithm = match text(vector, "algorithm") {
            "HmacSHA256" => hmac::HMAC_SHA256,
            _ => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        };
        let made = signature(algorithm, &text(vector, "secretKey").into(), &to_sign);
        assert_eq!(made, text(vector, "signature"), "{name}");
        if let Some(expected) = vector["form"].as_str() {
            let signed = parameters.into_iter().chain([("Signature", made.as_str())]);
            assert_eq!(form(signed), expected, "{name}");
        }
    }

    #[test]
    fn every_step_agrees_with_every_vector() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 14);
        vectors.iter().for_each(check);
    }

    #[test]
    fn a_signature_signs_neither_itself_nor_underscores_in_names() {
        let pairs = [("b_c", "x_y"), ("Signature", "s"), ("B", "2"), ("a", "1")];
        assert_eq!(string_to_sign("POST", "h", "/p", pairs.into_iter()), "POSTh/p?B=2&a=1&b.c=x_y");
    }

    #[test]
    fn a_form_holds_any_text() {
        let pairs = [("name", "温 a+b&c=d~"), ("A.0", "")];
        assert_eq!(form(pairs.into_iter()), "A.0=&name=%E6%B8%A9%20a%2Bb%26c%3Dd~");
    }

    #[test]
    fn no_nonce_is_used_twice() {
        let nonces: HashSet<u32> = (0..10_000).map(|_| nonce()).collect();
        assert_eq!(nonces.len(), 10_000);
        assert!(nonces.iter().all(|nonce| (1..=NONCES).contains(nonce)));
    }
}
