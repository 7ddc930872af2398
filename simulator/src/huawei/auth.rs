//! Who asks: a token in `X-Auth-Token`, or a signature after "AK/SK Signing Algorithm" (SDK-HMAC-SHA256).
//!
//! Written for itself, not shared with any client: two implementations that agree are worth more than one.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, hmac};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::account::{Account, Key};
use super::refusal::Refusal;
use super::{Huawei, header_text};
use crate::server::{Incoming, Moment};

const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// Seconds that the client's clock may be off.
const WINDOW: u64 = 15 * 60;
/// Failures in a row after which the next one locks a key.
const FAILURES: u32 = 5;
/// Seconds of a lock, and after which failures without another are forgotten.
const LOCK: i64 = 5 * 60;

/// The parts of an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
struct Authorization<'a> {
    access_key: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Splits the header, `None` if it is not of the documented form.
fn parse(header: &str) -> Option<Authorization<'_>> {
    let mut parts = header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(", ");
    let access_key = parts.next()?.strip_prefix("Access=")?;
    let names = parts.next()?.strip_prefix("SignedHeaders=")?;
    let signature = parts.next()?.strip_prefix("Signature=")?;
    let signed_headers: Vec<&str> = names.split(';').collect();
    let well_formed = parts.next().is_none()
        && !access_key.is_empty()
        && signed_headers.is_sorted()
        && signed_headers.contains(&"x-sdk-date")
        && signed_headers.iter().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase())
        && signature.len() == 64;
    well_formed.then_some(Authorization { access_key, signed_headers, signature })
}

/// Refused signatures per access key.
#[derive(Default)]
pub(crate) struct Failures(HashMap<String, Failed>);

#[derive(Default, Clone, Copy)]
struct Failed {
    in_a_row: u32,
    last: i64,
    locked_until: i64,
}

impl Failures {
    fn is_locked(&self, access_key: &str, now: i64) -> bool {
        self.0.get(access_key).is_some_and(|failed| now < failed.locked_until)
    }

    fn failed(&mut self, access_key: &str, now: i64) {
        let failed = self.0.entry(access_key.to_owned()).or_default();
        if now - failed.last > LOCK {
            failed.in_a_row = 0;
        }
        failed.in_a_row += 1;
        failed.last = now;
        if failed.in_a_row > FAILURES {
            *failed = Failed { in_a_row: 0, last: now, locked_until: now + LOCK };
        }
    }

    fn accepted(&mut self, access_key: &str) {
        self.0.remove(access_key);
    }

    /// Failures in a row, and whether the key was ever locked since it was last accepted.
    pub(crate) fn of(&self, access_key: &str) -> (u32, bool) {
        self.0.get(access_key).map_or((0, false), |failed| (failed.in_a_row, failed.locked_until > 0))
    }

    pub(crate) fn forget(&mut self, access_key: &str) {
        self.0.remove(access_key);
    }
}

/// The account of the key or token that a request claims, found without checking anything.
pub(crate) fn claimed(huawei: &Huawei, incoming: &Incoming) -> Option<Arc<Account>> {
    let directory = huawei.directory();
    if let Some(token) = incoming.header("x-auth-token") {
        return directory.tokens.get(token).map(|(_, account)| account.clone());
    }
    let access_key = parse(incoming.header("authorization")?)?.access_key;
    directory.key(access_key).map(|(_, account)| account)
}

/// Checks the proof of a request.
pub(crate) fn authenticate(
    huawei: &Huawei,
    incoming: &Incoming,
    moment: &Moment,
) -> Result<Arc<Account>, Refusal> {
    if let Some(token) = incoming.header("x-auth-token") {
        return by_token(huawei, token, moment);
    }
    let Some(header) = incoming.header("authorization") else {
        return Err(Refusal::gateway(
            "APIG.0301",
            "Incorrect IAM authentication information: no token or signature",
        ));
    };
    let authorization =
        parse(header).ok_or_else(|| Refusal::unauthorized("authorization header is malformed"))?;
    let access_key = authorization.access_key;
    if huawei.failures().is_locked(access_key, moment.unix_seconds) {
        return Err(Refusal::unauthorized("AK access failed to reach the limit,forbidden."));
    }
    let found = huawei.directory().key(access_key);
    let checked = by_signature(&authorization, found, incoming, moment);
    let mut failures = huawei.failures();
    match &checked {
        Ok(_) => failures.accepted(access_key),
        Err(_) => failures.failed(access_key, moment.unix_seconds),
    }
    checked
}

fn by_token(huawei: &Huawei, token: &str, moment: &Moment) -> Result<Arc<Account>, Refusal> {
    let found = huawei.directory().tokens.get(token).cloned();
    match found {
        Some((issued, _)) if issued.stale => Err(Refusal::gateway("APIG.0307", "The token must be updated")),
        Some((issued, account)) if moment.unix_seconds < issued.expires => Ok(account),
        _ => Err(Refusal::unauthorized("decrypt token fail")),
    }
}

fn by_signature(
    authorization: &Authorization<'_>,
    found: Option<(Arc<Key>, Arc<Account>)>,
    incoming: &Incoming,
    moment: &Moment,
) -> Result<Arc<Account>, Refusal> {
    let (key, account) =
        found.ok_or_else(|| Refusal::unauthorized("Get secretKey failed,ak:******,err:ak not exist"))?;
    let date = incoming.header("x-sdk-date").unwrap_or_default();
    let seconds = seconds(date).ok_or_else(|| Refusal::unauthorized("x-sdk-date is malformed"))?;
    if seconds.abs_diff(moment.unix_seconds) > WINDOW {
        return Err(Refusal::unauthorized("calc ak sk signature fail:signature expired"));
    }
    let wrong = || Refusal::unauthorized("verify aksk signature fail");
    let canonical = canonical_request(authorization, incoming).ok_or_else(wrong)?;
    let expected = signature(&key.secret_key, date, &canonical);
    constant_time::verify_slices_are_equal(expected.as_bytes(), authorization.signature.as_bytes())
        .map_err(|_| wrong())?;
    if incoming.header("x-security-token") != key.security_token.as_deref() {
        return Err(Refusal::unauthorized("security token is missing, wrong or expired"));
    }
    Ok(account)
}

/// `None` outside the documented form.
fn seconds(date: &str) -> Option<i64> {
    let parsed = strtime::parse("%Y%m%dT%H%M%SZ", date).ok()?.to_datetime().ok()?;
    Some(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// `None` when a signed header is not there.
fn canonical_request(authorization: &Authorization<'_>, incoming: &Incoming) -> Option<String> {
    let mut block = String::new();
    for name in &authorization.signed_headers {
        let value = header_text(incoming.headers.get(*name))?;
        block.extend([*name, ":", value.trim(), "\n"]);
    }
    let payload = match incoming.header("x-sdk-content-sha256") {
        Some(given) => given.to_owned(),
        None => hex::encode(digest::digest(&digest::SHA256, &incoming.body)),
    };
    let mut path: String = incoming.uri.path().split('/').map(again).collect::<Vec<_>>().join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    let pairs = crate::tencent::query_pairs(incoming.query());
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (escaped(name), escaped(value))).collect();
    pairs.sort();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (method, query) = (&incoming.method, query.join("&"));
    let names = authorization.signed_headers.join(";");
    Some(format!("{method}\n{path}\n{query}\n{block}\n{names}\n{payload}"))
}

fn signature(secret_key: &str, date: &str, canonical: &str) -> String {
    let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
    hex::encode(hmac::sign(&key, format!("{ALGORITHM}\n{date}\n{hash}").as_bytes()))
}

/// Decoded and escaped again, as "Constructing a Standard Request" has it.
fn again(segment: &str) -> String {
    // A plus is no space in a path.
    let pairs = crate::tencent::query_pairs(&segment.replace('+', "%2B"));
    pairs.first().map(|(name, _)| escaped(name)).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_one_form() {
        let signature = "a".repeat(64);
        let good = format!("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature={signature}");
        assert_eq!(parse(&good).unwrap().signed_headers, ["host", "x-sdk-date"]);
        for bad in [
            good.replace("x-sdk-date", "x-date"),
            good.replace("host;x-sdk-date", "x-sdk-date;host"),
            good.replace("host", "Host"),
            good.replace("Access=AK", "Access="),
            good.replace("SDK-HMAC-SHA256", "TC3-HMAC-SHA256"),
            good.replace("aaaa", "a"),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_published_vector_is_accepted() {
        let canonical = "GET\n/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs/\n\
            limit=2&marker=13551d6b-755d-4757-b956-536f674975c0\ncontent-type:application/json\n\
            host:service.region.example.com\nx-sdk-date:20191115T033655Z\n\ncontent-type;host;x-sdk-date\n\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let made = signature("MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", "20191115T033655Z", canonical);
        assert_eq!(made, "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe");
        assert_eq!(seconds("19700101T000001Z"), Some(1));
        assert_eq!(seconds("2019-11-15"), None);
    }

    #[test]
    fn the_sixth_failure_in_a_row_locks_for_five_minutes() {
        let mut failures = Failures::default();
        for _ in 0..5 {
            failures.failed("AK", 100);
        }
        assert!(!failures.is_locked("AK", 100));
        failures.accepted("AK");
        for _ in 0..5 {
            failures.failed("AK", 100);
        }
        assert_eq!((failures.is_locked("AK", 100), failures.of("AK")), (false, (5, false)));
        failures.failed("AK", 100);
        assert!(failures.is_locked("AK", 399) && !failures.is_locked("AK", 400));
        assert!(failures.of("AK").1 && !failures.is_locked("OTHER", 100));
        failures.forget("AK");
        for second in 0..10 {
            failures.failed("AK", second * 301);
        }
        assert_eq!(failures.of("AK"), (1, false), "failures far apart are not in a row");
    }
}
