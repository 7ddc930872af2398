//! The call log: exact counters for ever, single calls in a ring, and the gates of calls that are held.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

/// Code under which a successful call is counted.
pub const OK: &str = "OK";

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Being worked on (or delayed by a latency).
    Running,
    /// Stopped by a fault before its effect; waits for a release.
    Hanging,
    /// Its effect happened, the answer waits for a release.
    Held,
    /// The answer was handed to the connection.
    Answered,
    /// A fault cut the connection.
    Cut,
    /// The client left before there was an answer.
    Left,
}

/// One call of a vendor's action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Number of the call in this simulator, from 0, never reused.
    pub sequence: u64,
    /// Arrival, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Name of the account that the key belongs to; empty when the key is unknown.
    pub account: String,
    /// The action that was asked for, known or not.
    pub action: String,
    /// The URL that was asked for, without the host: what proxies and access logs on the way would see.
    pub url: String,
    /// HTTP status of the answer, once decided.
    pub status: Option<u16>,
    /// `OK`, the vendor's error code, `HTTP<status>` for a faulty status, `Cut` or `Left` when there was
    /// neither effect nor answer; absent while undecided.
    pub code: Option<String>,
    /// The action was carried out and succeeded, whatever was answered.
    pub applied: bool,
    /// The product that the call was about, when it is known.
    pub product_id: Option<String>,
    /// Its name, when the call or the answer has it.
    pub product_name: Option<String>,
    /// Where the call stands.
    pub state: CallState,
}

/// How often an account's action ended with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Account name; empty when the key is unknown.
    pub account: String,
    /// Action.
    pub action: String,
    /// Code as in [`Call::code`].
    pub code: String,
    /// Number of calls.
    pub count: u64,
}

/// What became of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decision {
    pub(crate) status: Option<u16>,
    pub(crate) code: String,
    pub(crate) applied: bool,
    pub(crate) product_id: Option<String>,
    pub(crate) product_name: Option<String>,
}

type Key = (String, String, String);

struct Log {
    next: u64,
    capacity: usize,
    ring: VecDeque<Call>,
    counts: BTreeMap<Key, u64>,
    gates: HashMap<u64, oneshot::Sender<()>>,
}

impl Log {
    fn entry(&mut self, sequence: u64) -> Option<&mut Call> {
        let first = self.ring.front()?.sequence;
        self.ring.get_mut(usize::try_from(sequence.checked_sub(first)?).ok()?)
    }
}

pub(crate) struct Calls {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

impl Calls {
    pub(crate) fn new(capacity: usize) -> Self {
        let log = Log {
            next: 0,
            capacity: capacity.max(1),
            ring: VecDeque::new(),
            counts: BTreeMap::new(),
            gates: HashMap::new(),
        };
        Self { log: Mutex::new(log), changed: watch::Sender::new(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, account: &str, action: &str, url: &str, time_ms: i64) -> u64 {
        let mut log = self.lock();
        let sequence = log.next;
        log.next += 1;
        if log.ring.len() == log.capacity {
            log.ring.pop_front();
        }
        log.ring.push_back(Call {
            sequence,
            time_ms,
            account: account.to_owned(),
            action: action.to_owned(),
            url: url.to_owned(),
            status: None,
            code: None,
            applied: false,
            product_id: None,
            product_name: None,
            state: CallState::Running,
        });
        drop(log);
        self.changed.send_replace(());
        sequence
    }

    /// Records what became of a call and counts it. `account` and `action` are those of `begin`; the entry
    /// itself may have left the ring.
    pub(crate) fn decide(&self, sequence: u64, account: &str, action: &str, decision: Decision) {
        let mut log = self.lock();
        *log.counts.entry((account.to_owned(), action.to_owned(), decision.code.clone())).or_default() += 1;
        if let Some(call) = log.entry(sequence) {
            call.status = decision.status;
            call.code = Some(decision.code);
            call.applied = decision.applied;
            call.product_id = decision.product_id;
            call.product_name = decision.product_name;
        }
        drop(log);
        self.changed.send_replace(());
    }

    pub(crate) fn set_state(&self, sequence: u64, state: CallState) {
        if let Some(call) = self.lock().entry(sequence) {
            call.state = state;
        }
        self.changed.send_replace(());
    }

    /// Puts a call behind a gate; the receiver answers when it is released.
    pub(crate) fn hold(&self, sequence: u64, state: CallState) -> oneshot::Receiver<()> {
        let (open, gate) = oneshot::channel();
        self.lock().gates.insert(sequence, open);
        self.set_state(sequence, state);
        gate
    }

    /// Forgets the gate of a call whose client left.
    pub(crate) fn forget_gate(&self, sequence: u64) {
        self.lock().gates.remove(&sequence);
    }

    /// Lets one call, or all that wait, go on. Returns how many did.
    pub(crate) fn release(&self, sequence: Option<u64>) -> usize {
        let mut log = self.lock();
        let gates: Vec<_> = match sequence {
            Some(sequence) => log.gates.remove(&sequence).into_iter().collect(),
            None => log.gates.drain().map(|(_, gate)| gate).collect(),
        };
        drop(log);
        gates.into_iter().filter_map(|gate| gate.send(()).ok()).count()
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.lock().next
    }

    /// The calls from `sequence` on that are still in the ring, oldest first.
    pub(crate) fn since(&self, sequence: u64) -> Vec<Call> {
        let log = self.lock();
        let first = log.ring.front().map_or(0, |call| call.sequence);
        let skip = usize::try_from(sequence.saturating_sub(first)).unwrap_or(usize::MAX);
        log.ring.iter().skip(skip).cloned().collect()
    }

    /// Whether every call from `sequence` on is still in the ring.
    pub(crate) fn covers(&self, sequence: u64) -> bool {
        let log = self.lock();
        log.ring.front().map_or(log.next, |call| call.sequence) <= sequence
    }

    pub(crate) fn counts(&self) -> Vec<Count> {
        self.lock().counts.iter().map(|(key, count)| Self::row(key, *count)).collect()
    }

    fn row(key: &Key, count: u64) -> Count {
        Count { account: key.0.clone(), action: key.1.clone(), code: key.2.clone(), count }
    }

    /// Counters over the calls from `sequence` on, of those that are decided.
    pub(crate) fn counts_since(&self, sequence: u64) -> Vec<Count> {
        let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
        for call in self.since(sequence) {
            if let Some(code) = call.code {
                *counts.entry((call.account, call.action, code)).or_default() += 1;
            }
        }
        counts.iter().map(|(key, count)| Self::row(key, *count)).collect()
    }

    /// Decided calls of an action, over all accounts and codes.
    pub(crate) fn count(&self, action: &str) -> u64 {
        self.lock().counts.iter().filter(|(key, _)| key.1 == action).map(|(_, count)| count).sum()
    }

    /// Clears entries and counters; sequence numbers go on, held calls stay held.
    pub(crate) fn reset(&self) {
        let mut log = self.lock();
        log.ring.clear();
        log.counts.clear();
    }

    /// A receiver that sees every change of the log.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(code: &str) -> Decision {
        Decision { status: Some(200), code: code.to_owned(), applied: code == OK, ..Decision::default() }
    }

    #[test]
    fn counters_stay_exact_when_entries_leave_the_ring() {
        let calls = Calls::new(3);
        for n in 0..10 {
            let sequence = calls.begin("default", "CreateProduct", "/", n);
            calls.decide(
                sequence,
                "default",
                "CreateProduct",
                done(if n % 2 == 0 { OK } else { "InternalError" }),
            );
        }
        assert_eq!(calls.since(0).iter().map(|call| call.sequence).collect::<Vec<_>>(), [7, 8, 9]);
        assert!(!calls.covers(6));
        assert!(calls.covers(7));
        let counts = calls.counts();
        assert_eq!(counts.len(), 2);
        assert!(counts.iter().all(|row| row.count == 5), "{counts:?}");
        assert_eq!(calls.count("CreateProduct"), 10);
        assert_eq!(calls.counts_since(9).iter().map(|row| row.count).sum::<u64>(), 1);
    }

    #[test]
    fn a_decision_after_a_reset_or_eviction_is_counted_and_touches_no_other_entry() {
        let calls = Calls::new(2);
        let early = calls.begin("a", "X", "/", 0);
        calls.reset();
        let late = calls.begin("a", "X", "/", 1);
        calls.decide(early, "a", "X", done("Early"));
        assert_eq!(calls.since(0).len(), 1);
        assert_eq!(calls.since(0)[0].sequence, late);
        assert_eq!(calls.since(0)[0].code, None);
        assert_eq!(calls.count("X"), 1);
    }

    #[tokio::test]
    async fn a_held_call_is_seen_as_held_until_it_is_released() {
        let calls = Calls::new(10);
        let one = calls.begin("a", "X", "/", 0);
        let two = calls.begin("a", "X", "/", 0);
        let gate_one = calls.hold(one, CallState::Held);
        let gate_two = calls.hold(two, CallState::Hanging);
        assert_eq!(
            calls.since(0).iter().map(|c| c.state).collect::<Vec<_>>(),
            [CallState::Held, CallState::Hanging]
        );
        assert_eq!(calls.release(Some(one)), 1);
        assert_eq!(gate_one.await, Ok(()));
        assert_eq!(calls.release(None), 1);
        assert_eq!(gate_two.await, Ok(()));
        assert_eq!(calls.release(None), 0);
    }
}
