//! The date of an answer, which a hostile vendor chooses.

use jiff::{SignedDuration, Timestamp};

use super::*;

/// How each vendor says that a request's date is wrong: status, code, message.
fn complaint(dialect: &Dialect) -> (u16, String) {
    let (status, code, message) = match dialect.name() {
        "TencentCloud" => (200, "AuthFailure.SignatureExpire", "expired"),
        "TencentCloudLegacy" => (200, "4200", "expired"),
        "AlibabaCloud" => (400, "InvalidTimeStamp.Expired", "expired"),
        _ => (401, "APIG.0301", "Incorrect IAM authentication information: Signature expired"),
    };
    (status, (dialect.refusal)(code, message).1)
}

/// The date that a request was signed with.
fn date(seen: &Seen) -> Timestamp {
    if let Some((_, rest)) = String::from_utf8_lossy(&seen.body).split_once("Timestamp=") {
        let seconds = rest.split('&').next().unwrap().parse().unwrap();
        return Timestamp::from_second(seconds).unwrap();
    }
    if let Ok(seconds) = seen.header("x-tc-timestamp").parse() {
        return Timestamp::from_second(seconds).unwrap();
    }
    let text = ["x-acs-date", "x-sdk-date"].map(|name| seen.header(name)).concat();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let part = |range: std::ops::Range<usize>| &digits[range];
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..10),
        part(10..12),
        part(12..14)
    );
    text.parse().unwrap()
}

#[tokio::test]
async fn no_request_is_signed_for_another_day_and_a_complaint_of_the_clock_is_one() {
    for dialect in dialects() {
        for absurd in ["Fri, 01 Jan 2100 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"] {
            let (status, body) = complaint(&dialect);
            let server = Server::start(move |_| Say::with(status, &[("date", absurd)], body.clone())).await;
            let connection = dialect.connect(&server, &Arc::default());
            for _ in 0..3 {
                let error = connection.cloud.list(call()).await.unwrap_err();
                assert_eq!(error.class, Class::ClockSkew, "{}: {error}", dialect.name());
            }
            for seen in server.seen() {
                let off = date(&seen).duration_since(Timestamp::now()).abs();
                assert!(off < SignedDuration::from_hours(24), "{}: {off}", dialect.name());
            }
            assert_eq!(server.seen().len(), 3);
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_hours_off_is_still_followed() {
    for dialect in dialects() {
        let (status, body) = complaint(&dialect);
        let ahead = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_hours(20));
        let server = Server::start(move |_| Say::with(status, &[("date", &ahead)], body.clone())).await;
        let connection = dialect.connect(&server, &Arc::default());
        for _ in 0..2 {
            connection.cloud.list(call()).await.unwrap_err();
        }
        let second = date(&server.seen()[1]).duration_since(Timestamp::now());
        assert!(second > SignedDuration::from_hours(19), "{}: {second}", dialect.name());
    }
}
