//! Circuit breaker of one vendor account. Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::spread::fraction;

/// Unavailable answers in a row that open the breaker.
const THRESHOLD: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What the end of a call says about the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Alive,
    Dead,
    Unknown,
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Openings since the vendor was last seen alive.
    openings: u32,
}

#[derive(Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call, the one with this ticket, finds out whether the vendor is back.
    Probing {
        ticket: u64,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether a call may be sent, else when to come back: spread, so that not all come at once.
    pub(super) fn check(&self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Open { until } if until > now => Err((until - now) + self.pause().mul_f64(fraction())),
            State::Probing { .. } => Err(FIRST_PAUSE + self.pause().mul_f64(fraction())),
            State::Open { .. } | State::Closed { .. } => Ok(()),
        }
    }

    /// A call that passed [`Breaker::check`] begins.
    pub(super) fn begin(&mut self, ticket: u64, now: Instant) {
        if matches!(self.state, State::Open { until } if until <= now) {
            self.state = State::Probing { ticket };
        }
    }

    pub(super) fn end(&mut self, ticket: u64, verdict: Verdict, now: Instant) {
        let probe = matches!(self.state, State::Probing { ticket: probe } if probe == ticket);
        match (verdict, &mut self.state) {
            (Verdict::Alive, _) => *self = Self::default(),
            (Verdict::Dead, State::Closed { failures }) => {
                *failures += 1;
                if *failures >= THRESHOLD {
                    self.open(now);
                }
            }
            (Verdict::Dead, _) if probe => self.open(now),
            (Verdict::Unknown, _) if probe => self.state = State::Open { until: now },
            // Sent before the breaker opened: it is counted already.
            (Verdict::Dead | Verdict::Unknown, _) => {}
        }
    }

    fn open(&mut self, now: Instant) {
        self.openings += 1;
        let pause = self.pause();
        let until = now + pause.mul_f64(0.5 + 0.5 * fraction()).max(FIRST_PAUSE);
        self.state = State::Open { until };
    }

    fn pause(&self) -> Duration {
        let doublings = self.openings.saturating_sub(1).min(6);
        (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
    }
}
