//! The time of day. Every reading of it is here, so that it can be made to agree with tokio's clock, which
//! measures all waits: where that one is paused and jumps, the time of day has to jump with it.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

thread_local! {
    static FOLLOWED: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
}

/// The time of day.
pub fn now() -> Timestamp {
    let Some((begin, since)) = FOLLOWED.get() else {
        return Timestamp::now();
    };
    begin.saturating_add(since.elapsed()).unwrap_or(begin)
}

/// A moment as the time since the Unix epoch, from which turns are counted.
pub fn since_epoch(moment: Timestamp) -> Duration {
    moment.duration_since(Timestamp::UNIX_EPOCH).unsigned_abs()
}

/// From now on the time of day of this thread is `begin` plus what passes by tokio's clock. For a simulation on
/// a current-thread runtime whose clock is paused; a process that serves users follows the machine's clock.
pub fn follow_tokio(begin: Timestamp) {
    FOLLOWED.set(Some((begin, Instant::now())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_followed_clock_jumps_with_tokio_and_another_does_not() {
        let begin = Timestamp::from_second(1_700_000_000).unwrap();
        tokio::time::sleep(Duration::from_hours(1000)).await;
        assert!(now().duration_since(Timestamp::now()).abs() < jiff::SignedDuration::from_hours(1));
        follow_tokio(begin);
        tokio::time::sleep(Duration::from_hours(1000)).await;
        assert_eq!(now(), begin + Duration::from_hours(1000));
        FOLLOWED.set(None);
    }
}
