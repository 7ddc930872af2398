//! Verification of TC3-HMAC-SHA256 signatures, from the vendor's page "Signature v3".
//!
//! Written for itself, not shared with any client: two implementations that agree are worth more than one.

use aws_lc_rs::{constant_time, digest, hmac};

use super::refusal::Refusal;

const ALGORITHM: &str = "TC3-HMAC-SHA256";
const SERVICE: &str = "iotcloud";
const TERMINATOR: &str = "tc3_request";
/// Content hash that stands for a body that is not signed.
pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Seconds that the client's clock may be off.
const WINDOW: u64 = 300;

/// The parts of an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) secret_id: String,
    pub(crate) date: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

/// Splits the header, `None` if it is not of the documented form.
pub(crate) fn parse(header: &str) -> Option<Authorization> {
    let mut parts = header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(',').map(str::trim);
    let scope = parts.next()?.strip_prefix("Credential=")?;
    let names = parts.next()?.strip_prefix("SignedHeaders=")?;
    let signature = parts.next()?.strip_prefix("Signature=")?;
    let [secret_id, date, service, TERMINATOR] = scope.split('/').collect::<Vec<_>>()[..] else {
        return None;
    };
    let signed_headers: Vec<String> = names.split(';').map(str::to_owned).collect();
    let lower_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let well_formed = parts.next().is_none()
        && !secret_id.is_empty()
        && signed_headers.is_sorted()
        && signed_headers.iter().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase())
        && ["content-type", "host"].iter().all(|name| signed_headers.iter().any(|signed| signed == name))
        && signature.len() == 64
        && signature.bytes().all(lower_hex);
    well_formed.then(|| Authorization {
        secret_id: secret_id.to_owned(),
        date: date.to_owned(),
        service: service.to_owned(),
        signed_headers,
        signature: signature.to_owned(),
    })
}

/// What of a request takes part in the signature.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// The query exactly as sent; empty for POST.
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
    /// `X-TC-Content-SHA256: UNSIGNED-PAYLOAD` was sent.
    pub(crate) unsigned_payload: bool,
    pub(crate) timestamp: i64,
}

fn sha256_hex(data: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, data))
}

fn canonical_request(request: &Signed<'_>, headers: &[(String, String)]) -> String {
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| {
            format!(
                "{name}:{value}
"
            )
        })
        .collect();
    let block = lines.concat();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let payload = if request.unsigned_payload { UNSIGNED.as_bytes() } else { request.body };
    let (method, query, names, hash) = (request.method, request.query, names.join(";"), sha256_hex(payload));
    format!("{method}\n/\n{query}\n{block}\n{names}\n{hash}")
}

fn hmac_sha256(key: &[u8], data: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes())
}

fn signature(secret_key: &str, date: &str, string_to_sign: &str) -> String {
    let key = hmac_sha256(format!("TC3{secret_key}").as_bytes(), date);
    let key = hmac_sha256(key.as_ref(), SERVICE);
    let key = hmac_sha256(key.as_ref(), TERMINATOR);
    hex::encode(hmac_sha256(key.as_ref(), string_to_sign))
}

/// UTC date of a UNIX time in seconds; `None` outside the calendar.
fn utc_date(timestamp: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(timestamp).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

/// Refuses a time that is more than five minutes from the vendor's.
pub(crate) fn check_window(timestamp: i64, now: i64) -> Result<(), Refusal> {
    if timestamp.abs_diff(now) > WINDOW {
        return Err(Refusal::new(
            "AuthFailure.SignatureExpire",
            format!("The signature has expired: the request's time is {timestamp}, the server's {now}."),
        ));
    }
    Ok(())
}

fn failure(message: &str) -> Refusal {
    Refusal::new("AuthFailure.SignatureFailure", message)
}

/// Checks the signature. `header` finds the value of a request header by its lower-case name.
pub(crate) fn verify(
    authorization: &Authorization,
    request: &Signed<'_>,
    secret_key: &str,
    header: impl Fn(&str) -> Option<String>,
) -> Result<(), Refusal> {
    if utc_date(request.timestamp).as_deref() != Some(authorization.date.as_str()) {
        return Err(failure("The date of the credential scope is not the UTC date of X-TC-Timestamp."));
    }
    if authorization.service != SERVICE {
        return Err(failure("The credential scope is for another service."));
    }
    let mut headers = Vec::new();
    for name in &authorization.signed_headers {
        let value = header(name).ok_or_else(|| failure("A signed header is not in the request."))?;
        headers.push((name.clone(), value.trim().to_lowercase()));
    }
    let hash = sha256_hex(canonical_request(request, &headers).as_bytes());
    let (timestamp, date) = (request.timestamp, &authorization.date);
    let scope = format!("{date}/{SERVICE}/{TERMINATOR}");
    let expected = signature(secret_key, date, &format!("{ALGORITHM}\n{timestamp}\n{scope}\n{hash}"));
    constant_time::verify_slices_are_equal(expected.as_bytes(), authorization.signature.as_bytes())
        .map_err(|_| failure("The provided credentials could not be validated: the signature is wrong."))
}

#[cfg(test)]
mod tests;
