//! Verification of the signature over all parameters, from the vendor's page "Signature Method".
//!
//! Written for itself, not shared with any client: two implementations that agree are worth more than one.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::PATH;
use super::refusal::Refusal;

/// Seconds that the client's clock may be off. One page says two hours, another five minutes.
pub(crate) const WINDOW: i64 = 2 * 3600;
const STRICT_WINDOW: i64 = 300;

/// Refuses a time that is too far from the vendor's.
pub(crate) fn check_window(timestamp: i64, now: i64, strict: bool) -> Result<(), Refusal> {
    let window = if strict { STRICT_WINDOW } else { WINDOW };
    if timestamp.abs_diff(now) > window.unsigned_abs() {
        let message = format!("the request's time is {timestamp}, the server's {now}");
        return Err(Refusal::common(4200, "RequestExpired", message));
    }
    Ok(())
}

/// The text that is signed: every parameter except `Signature`, sorted by name, values as they are.
fn string_to_sign(method: &str, host: &str, parameters: &[(String, String)]) -> String {
    let mut lines: Vec<(String, &str)> = Vec::new();
    for (name, value) in parameters {
        if name != "Signature" {
            lines.push((name.replace('_', "."), value));
        }
    }
    lines.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut text = format!("{method}{host}{PATH}?");
    for (at, (name, value)) in lines.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// Checks the `Signature` parameter. Only the exact value `HmacSHA256` of `SignatureMethod` selects
/// SHA-256; anything else, or nothing, means `HmacSHA1`.
pub(crate) fn verify(
    method: &str,
    host: &str,
    parameters: &[(String, String)],
    secret_key: &str,
) -> Result<(), Refusal> {
    let find = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let algorithm = match find("SignatureMethod") {
        Some("HmacSHA256") => hmac::HMAC_SHA256,
        _ => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let given = STANDARD.decode(find("Signature").unwrap_or_default()).unwrap_or_default();
    let text = string_to_sign(method, host, parameters);
    hmac::verify(&hmac::Key::new(algorithm, secret_key.as_bytes()), text.as_bytes(), &given)
        .map_err(|_| Refusal::common(4100, "SignatureFailure", "the signature is wrong".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_vector_of_this_api_verifies_with_its_key_and_host_only() {
        let vectors: Vec<Value> =
            serde_json::from_str(include_str!("../../../tests/vectors/tencent-legacy-signatures.json"))
                .unwrap();
        let mut checked = 0;
        for vector in &vectors {
            let text = |name: &str| vector[name].as_str().unwrap();
            let mut parameters: Vec<(String, String)> =
                serde_json::from_value(vector["parameters"].clone()).unwrap();
            let method =
                parameters.iter().find(|(name, _)| name == "SignatureMethod").map(|(_, v)| v.as_str());
            // One published sample signs with another algorithm than it names.
            if method.unwrap_or("HmacSHA1") != text("algorithm") {
                continue;
            }
            parameters.push(("Signature".to_owned(), text("signature").to_owned()));
            let check = |host: &str, key: &str| verify(text("method"), host, &parameters, key);
            assert_eq!(check(text("host"), text("secretKey")), Ok(()), "{vector}");
            assert!(check(text("host"), "OTHER").is_err());
            assert!(check("127.0.0.1", text("secretKey")).is_err());
            checked += 1;
        }
        assert_eq!(checked, 13);
    }

    #[test]
    fn the_clock_may_be_off_for_two_hours_or_five_minutes() {
        for (seconds, strict, good) in
            [(7200, false, true), (7201, false, false), (300, true, true), (301, true, false)]
        {
            assert_eq!(check_window(seconds, 0, strict).is_ok(), good, "{seconds} {strict}");
            assert_eq!(check_window(-seconds, 0, strict).is_ok(), good, "-{seconds} {strict}");
        }
    }
}
