//! What this process knows of finalizers that are not on their objects any more: it took them off, or another client did.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Objects that this process saw without the finalizer that they had before, by UID.
#[derive(Debug, Default)]
pub struct Finalizers(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    /// This process let them go.
    released: HashSet<String>,
    /// Another client took the finalizer off.
    lost: HashSet<String>,
}

impl Finalizers {
    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object may go. To be said before the finalizer is taken off: the watch may be faster than the answer.
    pub fn release(&self, uid: &str) {
        self.lock().released.insert(uid.to_owned());
    }

    /// Whether this process let the object go, or was about to.
    pub fn is_released(&self, uid: &str) -> bool {
        self.lock().released.contains(uid)
    }

    /// Another client took the finalizer off. Whether that is news.
    pub fn lose(&self, uid: &str) -> bool {
        let mut lists = self.lock();
        !lists.released.contains(uid) && lists.lost.insert(uid.to_owned())
    }

    /// It is back.
    pub fn restored(&self, uid: &str) {
        self.lock().lost.remove(uid);
    }

    /// Forgets an object that is gone. Whether it went without leave: it had the finalizer when it was last seen with or
    /// without it, and this process did not let it go.
    pub fn gone(&self, uid: &str, held: bool) -> bool {
        let mut lists = self.lock();
        let (released, lost) = (lists.released.remove(uid), lists.lost.remove(uid));
        !released && (held || lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_held_and_not_let_go_went_without_leave() {
        let all = Finalizers::default();
        assert!(all.gone("a", true), "held until it was gone");
        assert!(!all.gone("a", false), "never held, as far as this process saw");
        assert!(all.lose("a") && all.gone("a", false), "another client took the finalizer off");
        assert!(!all.gone("a", false), "told once");
        all.release("a");
        assert!(!all.lose("a") && !all.gone("a", true), "this process let it go");
        assert!(all.lose("a"));
        all.restored("a");
        assert!(!all.gone("a", false));
    }
}
