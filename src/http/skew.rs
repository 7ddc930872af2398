//! How far the vendor's clock is from ours, learnt from its answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

/// A difference up to this is the resolution of the Date header and the way of the answer, not a clock.
const TOLERANCE_MILLIS: i64 = 2_000;

/// A date that is further from our clock is not believed. Who may date answers at will could otherwise have requests signed
/// for any day to come, and keep them until then.
const FARTHEST_MILLIS: i64 = 24 * 3_600 * 1_000;

/// The difference last learnt; zero until an answer came.
#[derive(Debug, Default)]
pub(super) struct Skew {
    millis: AtomicI64,
}

impl Skew {
    /// Vendor's clock minus ours.
    pub(super) fn get(&self) -> SignedDuration {
        SignedDuration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    /// The vendor's time now.
    pub(super) fn now(&self) -> Timestamp {
        let ours = crate::clock::now();
        ours.checked_add(self.get()).unwrap_or(ours)
    }

    /// Learns from an answer to a request sent at `sent` that took `round_trip`.
    pub(super) fn learn(&self, headers: &HeaderMap, sent: Timestamp, round_trip: Duration) {
        let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
        if let Some(date) = date.and_then(|text| httpdate::parse_http_date(text).ok()) {
            let ahead = difference(date, sent, round_trip);
            if ahead.saturating_abs() <= FARTHEST_MILLIS {
                self.millis.store(ahead, Ordering::Relaxed);
            } else {
                tracing::warn!(
                    hours = ahead / 3_600_000,
                    "the answer's date is more than a day from this machine's clock; it is not believed"
                );
            }
        }
    }
}

/// Milliseconds by which the vendor's clock is ahead, zero within the tolerance.
fn difference(date: SystemTime, sent: Timestamp, round_trip: Duration) -> i64 {
    let half_way = i64::try_from(round_trip.as_millis() / 2).unwrap_or(i64::MAX);
    let date = date.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    // The header cuts off the fraction of a second: on average half of one is missing.
    let theirs = i64::try_from(date).unwrap_or(i64::MAX).saturating_add(500);
    let ours = sent.as_millisecond().saturating_add(half_way);
    let ahead = theirs.saturating_sub(ours);
    // The answer may have been dated anywhere on the way, so a slow one proves less.
    let unknown = TOLERANCE_MILLIS.saturating_add(half_way);
    if ahead.saturating_abs() <= unknown { 0 } else { ahead }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn sent() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    #[test]
    fn small_differences_are_no_skew() {
        assert_eq!(difference(at(1_700_000_001), sent(), Duration::ZERO), 0);
        assert_eq!(difference(at(1_699_999_998), sent(), Duration::ZERO), 0);
    }

    #[test]
    fn a_clock_ahead_or_behind_is_learnt_with_half_the_round_trip() {
        assert_eq!(difference(at(1_700_000_400), sent(), Duration::from_secs(1)), 400_000);
        assert_eq!(difference(at(1_699_999_600), sent(), Duration::from_secs(1)), -400_000);
    }

    #[test]
    fn a_slow_answer_proves_less() {
        assert_eq!(difference(at(1_700_000_020), sent(), Duration::from_secs(20)), 0);
    }

    #[test]
    fn a_date_more_than_a_day_away_is_not_believed() {
        let skew = Skew::default();
        let dated = |at: SystemTime| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::DATE, httpdate::fmt_http_date(at).parse().unwrap());
            skew.learn(&headers, crate::clock::now(), Duration::ZERO);
            skew.get()
        };
        let now = SystemTime::now();
        let hours = Duration::from_hours;
        let learnt = dated(now + hours(23));
        assert!(learnt > SignedDuration::from_hours(22), "{learnt}");
        for absurd in [now + hours(25), now + hours(24 * 365 * 74), now - hours(25), UNIX_EPOCH] {
            assert_eq!(dated(absurd), learnt, "what was learnt before stays");
        }
        assert!(dated(now - hours(23)) < SignedDuration::from_hours(-22));
        assert!(skew.now().duration_since(crate::clock::now()).abs() <= SignedDuration::from_hours(24));
    }

    #[test]
    fn the_vendors_time_follows_the_date_header_and_a_missing_one_changes_nothing() {
        let skew = Skew::default();
        let mut headers = HeaderMap::new();
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(1));
        headers.insert(http::header::DATE, date.parse().unwrap());
        skew.learn(&headers, crate::clock::now(), Duration::ZERO);
        assert!(skew.get() > SignedDuration::from_secs(3_500));
        skew.learn(&HeaderMap::new(), crate::clock::now(), Duration::ZERO);
        assert!(skew.now() > crate::clock::now() + SignedDuration::from_secs(3_500));
    }
}
