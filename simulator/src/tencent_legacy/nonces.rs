//! Nonces that were used: a second request with one is a replay (code 4500).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::auth::WINDOW;
use super::refusal::Refusal;

#[derive(Default)]
struct Used {
    nonces: HashSet<u64>,
    /// Oldest first, with the vendor's second of their use.
    order: VecDeque<(i64, u64)>,
}

/// The used nonces of every key.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<String, Used>>);

impl Nonces {
    /// Uses a nonce up, or refuses it. Requests older than the clock's window are refused for that, so
    /// what was used before it may be forgotten.
    pub(crate) fn use_up(&self, secret_id: &str, nonce: u64, now: i64) -> Result<(), Refusal> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = keys.entry(secret_id.to_owned()).or_default();
        while let Some((at, old)) = used.order.front().copied() {
            if now.saturating_sub(at) <= 2 * WINDOW {
                break;
            }
            used.order.pop_front();
            used.nonces.remove(&old);
        }
        if !used.nonces.insert(nonce) {
            let message = format!("the nonce {nonce} was used before");
            return Err(Refusal::common(4500, "ReplayAttack", message));
        }
        used.order.push_back((now, nonce));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_once_by_a_key_until_it_is_long_past() {
        let nonces = Nonces::default();
        assert_eq!(nonces.use_up("a", 7, 0), Ok(()));
        assert_eq!(nonces.use_up("a", 7, 1).unwrap_err().code, 4500);
        assert_eq!(nonces.use_up("b", 7, 1), Ok(()), "another key has its own");
        assert_eq!(nonces.use_up("a", 8, 1), Ok(()));
        assert_eq!(nonces.use_up("a", 7, 2 * WINDOW).unwrap_err().code, 4500);
        assert_eq!(nonces.use_up("a", 7, 2 * WINDOW + 1), Ok(()));
    }
}
