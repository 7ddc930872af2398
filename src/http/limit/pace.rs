//! When one action's calls may go: evenly, never more than the budget in a second, and slower after throttling. Time is
//! an argument; nothing here waits.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The vendor's second, a little longer: two calls a second apart here may be less apart there.
const WINDOW: Duration = Duration::from_millis(1005);
/// Pause after a throttled answer without a hint.
const THROTTLE_PAUSE: Duration = Duration::from_secs(1);
/// No hint of a vendor is followed for longer than this.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// Share of the budget that a second without throttling gives back.
const RECOVERY: f64 = 0.1;
/// Throttling never brings a budget below this share of it.
const FLOOR: f64 = 1.0 / 16.0;

/// A token whose call is not sent yet.
struct Token {
    ticket: u64,
    due: Instant,
}

/// A call that is sent, or will be at that moment.
struct Sent {
    ticket: u64,
    at: Instant,
}

struct Cut {
    at: Instant,
    paused_until: Instant,
    rate: f64,
}

/// One action's pace.
pub(super) struct Pace {
    /// Calls per second at the most.
    budget: u32,
    /// The last throttled answer and what it left of the budget.
    cut: Option<Cut>,
    tokens: VecDeque<Token>,
    /// When the latest token was due whose call is sent. The next is due one spacing later, even if it was given a
    /// timer's tick late.
    due: Option<Instant>,
    /// The calls of the last second, in their order.
    sent: VecDeque<Sent>,
}

impl Pace {
    pub(super) fn new(budget: u32) -> Self {
        Self { budget, cut: None, tokens: VecDeque::new(), due: None, sent: VecDeque::new() }
    }

    /// Changes the budget; calls that were sent still count.
    pub(super) fn set_budget(&mut self, budget: u32) {
        self.budget = budget;
    }

    fn rate(&self, now: Instant) -> f64 {
        let budget = f64::from(self.budget);
        self.cut.as_ref().map_or(budget, |cut| {
            let calm = now.saturating_duration_since(cut.paused_until).as_secs_f64().floor();
            (cut.rate + calm * budget * RECOVERY).min(budget)
        })
    }

    /// Time between two tokens.
    pub(super) fn spacing(&self, now: Instant) -> Duration {
        WINDOW.div_f64(self.rate(now))
    }

    /// The same when nothing was throttled.
    pub(super) fn least_spacing(&self) -> Duration {
        WINDOW / self.budget
    }

    /// Since when the next token is there, or when it will be: never earlier than one spacing after the last one, and than
    /// the end of a pause.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        let pause = self.cut.as_ref().map(|cut| cut.paused_until);
        let due = self.tokens.iter().map(|token| token.due).chain(self.due).max();
        due.map(|due| due + self.spacing(now)).max(pause).unwrap_or(now)
    }

    /// Whether the pause lasts until after a moment.
    pub(super) fn is_paused_beyond(&self, moment: Instant) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.paused_until > moment)
    }

    /// Gives the token that is there to a caller who waits since `since`. What a timer's tick or a busy machine lost
    /// meanwhile is caught up with the next token; an idle time is not.
    pub(super) fn take(&mut self, ticket: u64, since: Instant, now: Instant) {
        let (free, spacing) = (self.free_at(now), self.spacing(now));
        let wanted = if now.saturating_duration_since(free) < spacing / 4 { free } else { free.max(since) };
        let due = if now.saturating_duration_since(wanted) < spacing { wanted } else { now };
        self.tokens.push_back(Token { ticket, due });
    }

    /// Books the call with this ticket and tells when it may be sent: `now`, or when the call that is `budget` calls
    /// back is a second ago. Tokens keep that distance, but not all callers take the same time from token to call.
    pub(super) fn book(&mut self, ticket: u64, now: Instant) -> Instant {
        if let Some(index) = self.tokens.iter().position(|token| token.ticket == ticket) {
            self.due = self.tokens.remove(index).map(|token| token.due).max(self.due);
        }
        while self.sent.front().is_some_and(|first| first.at + WINDOW <= now) {
            self.sent.pop_front();
        }
        let window = self.sent.len().checked_sub(self.budget as usize);
        let full = window.and_then(|index| self.sent.get(index)).map(|first| first.at + WINDOW);
        let last = self.sent.back().map(|last| last.at);
        let at = full.into_iter().chain(last).fold(now, Instant::max);
        self.sent.push_back(Sent { ticket, at });
        at
    }

    /// The call with this ticket, which was to wait, is sent at last.
    pub(super) fn sent(&mut self, ticket: u64, now: Instant) {
        if let Some(call) = self.sent.iter_mut().find(|call| call.ticket == ticket) {
            call.at = now;
        }
    }

    pub(super) fn give_back(&mut self, ticket: u64) {
        self.tokens.retain(|token| token.ticket != ticket);
        self.sent.retain(|call| call.ticket != ticket);
    }

    /// Books a throttled answer to a call that was permitted at `granted`.
    pub(super) fn throttle(&mut self, granted: Instant, retry_after: Option<Duration>, now: Instant) {
        let pause = now + retry_after.unwrap_or(THROTTLE_PAUSE).min(LONGEST_PAUSE);
        let rate = self.rate(now);
        match &mut self.cut {
            // Calls under way when the rate was cut say nothing about the new rate.
            Some(cut) if granted <= cut.at => cut.paused_until = cut.paused_until.max(pause),
            cut => {
                let rate = (rate / 2.0).max(f64::from(self.budget) * FLOOR);
                *cut = Some(Cut { at: now, paused_until: pause, rate });
            }
        }
    }
}
