//! Where every request of the operator passes: it counts them, and says what goes wrong with which.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use iot_product_operator::clock;
use jiff::SignedDuration;

use crate::fault::Fault;

/// How far a clock is set back: an hour, as by a time zone that was taken for the time.
const CLOCK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The API server.
    Api,
    /// The vendor.
    Vendor,
}

/// One request that was made.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Whom it was for.
    pub(crate) side: Side,
    /// What it was.
    pub(crate) what: String,
    /// Seconds since the faults were armed.
    pub(crate) at: f64,
    /// What went wrong.
    pub(crate) fault: Option<Fault>,
}

/// A fault and the number of the request that it strikes.
pub(crate) type Planned = (usize, Fault);

#[derive(Default)]
struct State {
    plan: Option<Vec<Planned>>,
    since: Option<tokio::time::Instant>,
    steps: Vec<Step>,
    dead: bool,
    dying: bool,
    deaths: usize,
}

/// The gate. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<State>, Notify)>);

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on requests are counted, the first is number 0, and these go wrong.
    pub(crate) fn arm(&self, plan: Vec<Planned>) {
        let mut state = self.state();
        state.plan = Some(plan);
        state.since = Some(tokio::time::Instant::now());
    }

    /// A request is about to be made. Returns what goes wrong with it; never when the process is dead.
    pub(crate) async fn pass(&self, side: Side, what: String) -> Option<Fault> {
        let fault = {
            let mut state = self.state();
            if state.dying {
                state.dying = false;
                state.dead = true;
                self.0.1.notify_one();
            }
            if state.dead {
                None
            } else {
                let number = state.steps.len();
                let fault = state
                    .plan
                    .as_ref()
                    .and_then(|plan| plan.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault));
                if let Some(since) = state.since {
                    let at = since.elapsed().as_secs_f64();
                    state.steps.push(Step { side, what, at, fault });
                }
                Some(fault)
            }
        };
        match fault {
            Some(Some(Fault::DieBefore)) => self.die().await,
            Some(Some(Fault::ClockBack)) => {
                clock::set_back(CLOCK_BACK);
                None
            }
            Some(fault) => fault,
            None => std::future::pending().await,
        }
    }

    /// The process is dead: what waits here never goes on.
    pub(crate) async fn die<T>(&self) -> T {
        self.state().dead = true;
        self.0.1.notify_one();
        std::future::pending().await
    }

    /// The process dies before its next request.
    pub(crate) fn doom(&self) {
        self.state().dying = true;
    }

    /// Waits until the process is dead.
    pub(crate) async fn died(&self) {
        while !self.state().dead {
            self.0.1.notified().await;
        }
    }

    /// Another process begins.
    pub(crate) fn revive(&self) {
        let mut state = self.state();
        (state.dead, state.dying) = (false, false);
        state.deaths += 1;
    }

    /// The requests since the faults were armed.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    /// Their number.
    pub(crate) fn count(&self) -> usize {
        self.state().steps.len()
    }
}
