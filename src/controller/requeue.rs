//! When an object is looked at again.

use std::time::Duration;

use aws_lc_rs::digest;

use super::error::Delay;

/// A number from 0 up to 1 that follows from a text: the same after every restart and on every machine.
fn share(text: &str) -> f64 {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let head = hash.as_ref().iter().take(4).fold(0_u32, |head, byte| (head << 8) | u32::from(*byte));
    f64::from(head) / (f64::from(u32::MAX) + 1.0)
}

/// How long until an object's next turn in a period. Turns lie where the UID says, counted from the Unix
/// epoch, so that a restart is not a storm and all objects are spread evenly. A period of zero has none.
pub fn until_turn(uid: &str, period: Duration, since_epoch: Duration) -> Option<Duration> {
    if period.is_zero() {
        return None;
    }
    let position = Duration::from_nanos_u128(since_epoch.as_nanos() % period.as_nanos());
    let turn = period.mul_f64(share(uid));
    let next = if turn > position { turn } else { turn + period };
    Some(next.saturating_sub(position))
}

/// Whether the object's turn fell into the time after `from`, up to and including `to`.
pub fn turn_fell(uid: &str, period: Duration, from: Duration, to: Duration) -> bool {
    let passed = to.saturating_sub(from);
    !passed.is_zero() && until_turn(uid, period, from).is_some_and(|until| until <= passed)
}

/// How often the turn of an account comes, or of a product that has an interval of its own: as the manifest says, but not
/// more often than every `least`. Zero is never. A product of an account that namespaces share comes no more often than
/// the account: `shared` is the account's own interval there. Otherwise one tenant could use up the list quota of all.
pub fn interval(asked: Duration, least: Duration, shared: Option<Duration>) -> Duration {
    match shared {
        _ if asked.is_zero() => Duration::ZERO,
        Some(account) if account.is_zero() => Duration::ZERO,
        Some(account) => asked.max(least).max(account),
        None => asked.max(least),
    }
}

/// A delay as it is waited: back-off doubles from one second and is spread by a quarter, differently for
/// every object and failure.
pub fn wait(delay: Delay, uid: &str, failures: u32) -> Duration {
    match delay {
        Delay::After(after) => after,
        Delay::Backoff(ceiling) => {
            let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(10));
            doubled.min(ceiling).mul_f64(1.0 - 0.25 * share(&format!("{uid}/{failures}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_object_has_exactly_one_turn_in_a_period(uid in "[a-f0-9]{8}", now in 0_u64..10_000_000, cut in 1_u64..3600) {
            let period = Duration::from_hours(1);
            let start = Duration::from_secs(now);
            let middle = start + Duration::from_secs(cut);
            let turns = [(start, middle), (middle, start + period)]
                .into_iter()
                .filter(|(from, to)| turn_fell(&uid, period, *from, *to))
                .count();
            prop_assert_eq!(turns, 1);
        }

        #[test]
        fn back_off_grows_and_stays_under_its_ceiling(failures in 1_u32..100, uid in "[a-f]{4}") {
            let ceiling = Duration::from_mins(1);
            let waited = wait(Delay::Backoff(ceiling), &uid, failures);
            prop_assert!(waited <= ceiling && waited >= Duration::from_millis(750));
        }
    }

    #[test]
    fn intervals_are_no_shorter_than_the_least_and_the_shared_account_s() {
        let [second, least, minute] = [1, 30, 60].map(Duration::from_secs);
        assert_eq!(interval(second, least, None), least);
        assert_eq!(interval(minute, least, None), minute);
        assert_eq!(interval(second, least, Some(minute)), minute);
        assert_eq!(interval(minute, least, Some(least)), minute);
        assert_eq!(interval(second, least, Some(second)), least);
        // Never stays never, and no product wakes an account that is never to be listed.
        assert_eq!(interval(Duration::ZERO, least, None), Duration::ZERO);
        assert_eq!(interval(Duration::ZERO, least, Some(minute)), Duration::ZERO);
        assert_eq!(interval(minute, least, Some(Duration::ZERO)), Duration::ZERO);
    }

    #[test]
    fn a_period_of_zero_has_no_turn() {
        assert!(!turn_fell("u", Duration::ZERO, Duration::ZERO, Duration::from_secs(1_000_000)));
    }
}
