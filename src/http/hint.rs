//! When a vendor wants to be asked again.

use std::time::Duration;

use http::HeaderMap;

/// No hint is followed for longer: whatever is wrong at the vendor, the operator looks again by then.
pub const LONGEST: Duration = Duration::from_mins(10);
/// Nor for less: a vendor that says "at once" would be asked without a pause.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// The hint of a `Retry-After` header, in seconds or as a date, within [`SHORTEST`] and [`LONGEST`]. `None` when there is
/// none or it is neither.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    whole(text).map(Duration::from_secs).or_else(|| until(text)).map(bounded)
}

/// A whole number of any length: one that is too long is as good as the largest. `None` for anything else, negative
/// numbers and fractions included.
pub fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A hint within the bounds.
pub fn bounded(hint: Duration) -> Duration {
    hint.clamp(SHORTEST, LONGEST)
}

/// The time until a date, none if it is over.
fn until(text: &str) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok()?;
    let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = crate::clock::now().duration_since(jiff::Timestamp::UNIX_EPOCH);
    Some(date.saturating_sub(Duration::try_from(now).ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn hint(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn no_hint_is_followed_for_longer_than_ten_minutes_or_less_than_a_second() {
        for (text, seconds) in [
            ("3", 3),
            (" 30 ", 30),
            ("0", 1),
            ("601", 600),
            ("31536000", 600),
            ("18446744073709551615", 600),
            ("99999999999999999999999999999999", 600),
            ("Thu, 01 Jan 2099 00:00:00 GMT", 600),
            ("Thu, 01 Jan 1970 00:00:01 GMT", 1),
        ] {
            assert_eq!(hint(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_mins(5));
        let soon = hint(&soon).unwrap();
        assert!(soon > Duration::from_mins(4) && soon <= Duration::from_mins(5), "{soon:?}");
    }

    #[test]
    fn what_is_no_number_and_no_date_is_no_hint() {
        for text in ["", "-1", "1.5", "+3", "soon", "0x10", "1e9", "Thu, 99 Jan 2099 00:00:00 GMT"] {
            assert_eq!(hint(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
