//! Calls per second of one action of one account.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::QuotaMode;

const SECOND: Duration = Duration::from_secs(1);

/// The calls of the last second.
#[derive(Default)]
pub(crate) struct Window {
    admitted: VecDeque<Instant>,
    second: i64,
    in_second: usize,
}

impl Window {
    /// Admits a call or tells how many calls the last second would then have had.
    /// `unix_second` is the vendor's clock, for windows of whole seconds.
    pub(crate) fn admit(
        &mut self,
        mode: QuotaMode,
        limit: usize,
        now: Instant,
        unix_second: i64,
    ) -> Result<(), usize> {
        match mode {
            QuotaMode::Off => Ok(()),
            QuotaMode::Sliding => {
                while self.admitted.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
                    self.admitted.pop_front();
                }
                if self.admitted.len() >= limit {
                    return Err(self.admitted.len() + 1);
                }
                self.admitted.push_back(now);
                Ok(())
            }
            QuotaMode::Window => {
                if self.second != unix_second {
                    (self.second, self.in_second) = (unix_second, 0);
                }
                if self.in_second >= limit {
                    return Err(self.in_second + 1);
                }
                self.in_second += 1;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twenty_first_call_within_any_second_is_refused() {
        let mut window = Window::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for n in 0..20 {
            assert_eq!(window.admit(QuotaMode::Sliding, 20, at(n * 40), 0), Ok(()));
        }
        assert_eq!(window.admit(QuotaMode::Sliding, 20, at(999), 0), Err(21));
        assert_eq!(
            window.admit(QuotaMode::Sliding, 20, at(1000), 1),
            Ok(()),
            "the first one is a second old"
        );
        assert_eq!(window.admit(QuotaMode::Sliding, 20, at(1001), 1), Err(21));
        assert_eq!(window.admit(QuotaMode::Off, 20, at(1001), 1), Ok(()));
    }

    #[test]
    fn whole_seconds_let_twice_as_many_through_around_a_boundary() {
        let mut window = Window::default();
        let now = Instant::now();
        for second in [5, 6] {
            for _ in 0..20 {
                assert_eq!(window.admit(QuotaMode::Window, 20, now, second), Ok(()));
            }
            assert_eq!(window.admit(QuotaMode::Window, 20, now, second), Err(21));
        }
    }
}
