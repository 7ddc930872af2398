//! The time of day. Every reading of it is here, so that it can be made to agree with tokio's clock, which
//! measures all waits: where that one is paused and jumps, the time of day has to jump with it.
//!
//! It never goes back. What was looked up before and after something is told apart by it (protocol, "Complete look-up"),
//! and a machine whose clock is set back would otherwise prove with a list from before that nothing came after.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The clock of the process.
static PROCESS: Mutex<Steady> = Mutex::new(Steady(None));

thread_local! {
    static FOLLOWED: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
    /// The clock of a simulated process.
    static SIMULATED: RefCell<Steady> = const { RefCell::new(Steady(None)) };
}

/// A clock that follows the machine's forward, and goes on by itself where that is set back. It knows a moment and since
/// when that lasts by a clock that nobody sets.
struct Steady(Option<(Timestamp, Instant)>);

impl Steady {
    /// The time of day, of which the machine says that it is `machines`.
    fn now(&mut self, machines: Timestamp, now: Instant) -> Timestamp {
        let own = self.0.map(|(moment, since)| {
            moment.saturating_add(now.saturating_duration_since(since)).unwrap_or(moment)
        });
        match own {
            Some(own) if own >= machines => own,
            _ => {
                self.0 = Some((machines, now));
                machines
            }
        }
    }
}

/// The time of day.
pub fn now() -> Timestamp {
    let now = Instant::now();
    let Some((begin, since)) = FOLLOWED.get() else {
        return PROCESS.lock().unwrap_or_else(PoisonError::into_inner).now(Timestamp::now(), now);
    };
    let machines = begin.saturating_add(since.elapsed()).unwrap_or(begin);
    SIMULATED.with_borrow_mut(|clock| clock.now(machines, now))
}

/// A moment so much later. Where the clock ends before that, in thirty years: nobody waits for it to come, and an addition
/// that panics would let one absurd number of a vendor or a manifest end a task.
pub fn later(moment: Instant, by: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(30 * 365 * 24);
    moment.checked_add(by).or_else(|| moment.checked_add(FAR)).unwrap_or(moment)
}

/// A moment as the time since the Unix epoch, from which turns are counted.
pub fn since_epoch(moment: Timestamp) -> Duration {
    moment.duration_since(Timestamp::UNIX_EPOCH).unsigned_abs()
}

/// From now on the time of day of this thread is `begin` plus what passes by tokio's clock. For a simulation on
/// a current-thread runtime whose clock is paused; a process that serves users follows the machine's clock.
pub fn follow_tokio(begin: Timestamp) {
    FOLLOWED.set(Some((begin, Instant::now())));
    restart();
}

/// The machine's clock of a simulation is set back, under the processes that run on it.
pub fn set_back(by: SignedDuration) {
    let back = |(begin, since): (Timestamp, Instant)| (begin.checked_sub(by).unwrap_or(begin), since);
    FOLLOWED.set(FOLLOWED.get().map(back));
}

/// A simulated process begins: it knows the machine's clock and nothing from before.
pub fn restart() {
    SIMULATED.with_borrow_mut(|clock| clock.0 = None);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[tokio::test]
    async fn the_latest_moment_is_far_and_no_panic() {
        let now = Instant::now();
        assert_eq!(later(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        assert!(later(now, Duration::MAX) > now + Duration::from_hours(24 * 365));
        assert!(later(later(now, Duration::MAX), Duration::MAX) > now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_followed_clock_jumps_with_tokio_and_another_does_not() {
        let begin = Timestamp::from_second(1_700_000_000).unwrap();
        follow_tokio(begin);
        tokio::time::sleep(Duration::from_hours(1000)).await;
        assert_eq!(now(), begin + Duration::from_hours(1000));
        FOLLOWED.set(None);
        assert!(Timestamp::now().duration_since(now()).abs() < HOUR * 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_where_the_machine_s_clock_is_set_back_and_a_new_process_begins_there() {
        let begin = Timestamp::from_second(1_700_000_000).unwrap();
        follow_tokio(begin);
        assert_eq!(now(), begin);
        set_back(HOUR);
        assert_eq!(now(), begin);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(now(), begin + Duration::from_secs(5));
        restart();
        assert_eq!(now(), begin + Duration::from_secs(5) - HOUR);
        FOLLOWED.set(None);
    }

    #[test]
    fn it_follows_the_machine_s_clock_forward() {
        let (begin, start) = (Timestamp::from_second(1_700_000_000).unwrap(), Instant::now());
        let mut clock = Steady(None);
        assert_eq!(clock.now(begin, start), begin);
        assert_eq!(clock.now(begin + HOUR, start), begin + HOUR);
        assert_eq!(clock.now(begin, start + Duration::from_secs(1)), begin + HOUR + Duration::from_secs(1));
    }
}
