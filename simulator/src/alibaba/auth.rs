//! Verification of both signatures, from the vendor's pages "Signature" (RPC style) and "Signature method V3".
//!
//! Written for itself, not shared with any client: two implementations that agree are worth more than one.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::refusal::Refusal;

/// Seconds that the client's clock may be off.
pub(crate) const WINDOW: i64 = 900;

const ACS3: &str = "ACS3-HMAC-SHA256";

/// Headers that an ACS3 signature must cover.
const COVERED: &[&str] =
    &["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];

/// Percent-encodes everything but letters, digits and `-_.~`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
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

fn canonical(parameters: &[(String, String)]) -> String {
    let mut parameters = parameters.to_vec();
    parameters.sort();
    let encoded = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    encoded.collect::<Vec<_>>().join("&")
}

/// Seconds since the Unix epoch of a time in exactly the vendor's form.
pub(crate) fn time(text: &str) -> Result<i64, Refusal> {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let form = text.len() == 20
        && text.as_bytes().get(10) == Some(&b'T')
        && [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].into_iter().all(digits)
        && text.ends_with('Z');
    let parsed = text.parse::<jiff::Timestamp>().ok().filter(|_| form);
    let malformed = || {
        Refusal::new("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
    };
    parsed.map(jiff::Timestamp::as_second).ok_or_else(malformed)
}

/// Refuses a time that is more than fifteen minutes from the vendor's.
pub(crate) fn check_window(time: i64, now: i64) -> Result<(), Refusal> {
    if time.abs_diff(now) > WINDOW.unsigned_abs() {
        return Err(Refusal::new(
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    Ok(())
}

fn mismatch(string_to_sign: &str) -> Refusal {
    let message = format!(
        "Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}"
    );
    Refusal::new("SignatureDoesNotMatch", message)
}

/// Checks an RPC signature over every parameter but the signature itself.
pub(crate) fn verify_rpc(
    method: &str,
    parameters: &[(String, String)],
    secret: &str,
    signature: &str,
) -> Result<(), Refusal> {
    let signed: Vec<_> = parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    let text = format!("{method}&%2F&{}", encode(&canonical(&signed)));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{secret}&").as_bytes());
    let expected = BASE64.encode(hmac::sign(&key, text.as_bytes()));
    constant_time::verify_slices_are_equal(expected.as_bytes(), signature.as_bytes())
        .map_err(|_| mismatch(&text))
}

/// The parts of an ACS3 `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) key_id: String,
    pub(crate) headers: Vec<String>,
    pub(crate) signature: String,
}

/// Splits the header, `None` if it is not of the documented form.
pub(crate) fn parse(header: &str) -> Option<Authorization> {
    let mut parts = header.strip_prefix(ACS3)?.strip_prefix(' ')?.split(',');
    let key_id = parts.next()?.strip_prefix("Credential=")?.to_owned();
    let names = parts.next()?.strip_prefix("SignedHeaders=")?;
    let signature = parts.next()?.strip_prefix("Signature=")?.to_owned();
    let headers: Vec<String> = names.split(';').map(str::to_owned).collect();
    let complete = COVERED.iter().all(|name| headers.iter().any(|signed| signed == name));
    (parts.next().is_none() && !key_id.is_empty() && headers.is_sorted() && complete)
        .then_some(Authorization { key_id, headers, signature })
}

/// What of a request an ACS3 signature covers.
pub(crate) struct Covered<'a> {
    pub(crate) method: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// Checks an ACS3 signature. `header` finds a request header by its lower-case name.
pub(crate) fn verify_acs3<'a>(
    authorization: &Authorization,
    covered: &Covered<'_>,
    secret: &str,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), Refusal> {
    let hash = hex::encode(digest::digest(&digest::SHA256, covered.body));
    let mut block = String::new();
    for name in &authorization.headers {
        let value = header(name).ok_or_else(|| {
            Refusal::new("IncompleteSignature", format!("The signed header {name} is missing."))
        })?;
        block.extend([name, ":", value.trim(), "\n"]);
    }
    if header("x-acs-content-sha256") != Some(hash.as_str()) {
        return Err(mismatch("x-acs-content-sha256 is not the hash of the body"));
    }
    let names = authorization.headers.join(";");
    let request = format!("{}\n/\n{}\n{block}\n{names}\n{hash}", covered.method, canonical(covered.query));
    let text = format!("{ACS3}\n{}", hex::encode(digest::digest(&digest::SHA256, request.as_bytes())));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let expected = hex::encode(hmac::sign(&key, text.as_bytes()));
    constant_time::verify_slices_are_equal(expected.as_bytes(), authorization.signature.as_bytes())
        .map_err(|_| mismatch(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors(style: &str) -> Vec<Value> {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/alibaba-signatures.json")).unwrap();
        file[style].as_array().unwrap().clone()
    }

    fn pairs(value: &Value) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        value.as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
    }

    #[test]
    fn every_vector_is_accepted_and_no_other_secret() {
        for vector in vectors("rpc") {
            let text = |name: &str| vector[name].as_str().unwrap();
            let parameters = pairs(&vector["parameters"]);
            let verify = |secret| verify_rpc(text("method"), &parameters, secret, text("signature"));
            assert_eq!(verify(text("accessKeySecret")), Ok(()), "{}", vector["id"]);
            assert_eq!(verify("wrong").unwrap_err().code, "SignatureDoesNotMatch");
        }
        for vector in vectors("acs3") {
            let text = |name: &str| vector[name].as_str().unwrap();
            let headers = pairs(&vector["headers"]);
            let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
            let authorization = parse(&format!(
                "{ACS3} Credential={},SignedHeaders={},Signature={}",
                text("accessKeyId"),
                names.join(";"),
                text("signature")
            ))
            .unwrap();
            let query = pairs(&vector["parameters"]);
            let covered = Covered { method: "POST", query: &query, body: text("body").as_bytes() };
            let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
            let verify = |secret| verify_acs3(&authorization, &covered, secret, find);
            assert_eq!(verify(text("accessKeySecret")), Ok(()), "{}", vector["id"]);
            assert_eq!(verify("wrong").unwrap_err().code, "SignatureDoesNotMatch");
        }
    }

    #[test]
    fn a_signature_that_leaves_the_action_open_is_none() {
        let names = COVERED.join(";");
        let whole = format!("{ACS3} Credential=a,SignedHeaders={names},Signature=b");
        assert!(parse(&whole).is_some());
        assert!(parse(&whole.replace("x-acs-action;", "")).is_none());
        assert!(parse(&whole.replace(',', ", ")).is_none());
    }

    #[test]
    fn times_have_one_form_and_a_window() {
        assert_eq!(time("2024-05-20T12:00:00Z"), Ok(1_716_206_400));
        for odd in
            ["2024-05-20 12:00:00Z", "2024-05-20T12:00:00+00:00", "2024-05-20T12:00:00.1Z", "1716206400"]
        {
            assert_eq!(time(odd).unwrap_err().code, "InvalidTimeStamp.Format", "{odd}");
        }
        assert_eq!(check_window(1000, 1900), Ok(()));
        assert_eq!(check_window(1000, 1901).unwrap_err().code, "InvalidTimeStamp.Expired");
    }
}
