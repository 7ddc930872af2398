//! The bytes of lists, over the whole process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Lets a kept list go.
type Release = Box<dyn Fn() + Send>;

/// All lists of the process.
pub struct Lists {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    numbers: u64,
    reading: HashMap<u64, Growing>,
    kept: HashMap<u64, (usize, Release)>,
}

struct Growing {
    bytes: usize,
    ended: Arc<Notify>,
}

impl State {
    fn used(&self) -> usize {
        let reading = self.reading.values().map(|growing| growing.bytes);
        reading.chain(self.kept.values().map(|(bytes, _)| *bytes)).sum()
    }

    /// Takes out kept lists, the largest first, until all fits or none is left.
    fn evict_kept(&mut self, most: usize) -> Vec<Release> {
        let mut released = Vec::new();
        while self.used() > most {
            let largest = self.kept.iter().max_by_key(|(_, (bytes, _))| *bytes).map(|(number, _)| *number);
            let Some((_, release)) = largest.and_then(|number| self.kept.remove(&number)) else { break };
            released.push(release);
        }
        released
    }

    /// The same, and ends lists that are being read, the largest first.
    fn evict(&mut self, most: usize) -> Vec<Release> {
        let released = self.evict_kept(most);
        while self.used() > most {
            let largest = self.reading.iter().max_by_key(|(_, growing)| growing.bytes);
            let Some(growing) = largest.map(|(number, _)| *number).and_then(|n| self.reading.remove(&n))
            else {
                break;
            };
            growing.ended.notify_one();
        }
        released
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Lists {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of all lists now.
    pub fn used(&self) -> usize {
        self.lock().used()
    }

    /// A list begins.
    pub fn begin(self: &Arc<Self>) -> Reading {
        let ended = Arc::new(Notify::new());
        let mut state = self.lock();
        let number = state.number();
        state.reading.insert(number, Growing { bytes: 0, ended: Arc::clone(&ended) });
        Reading { lists: Arc::clone(self), number, ended }
    }

    /// A list of so many bytes is kept until the result is dropped. `release` lets it go earlier; it may be called at any
    /// time after this, on any thread, and once.
    pub fn keep(self: &Arc<Self>, bytes: usize, release: impl Fn() + Send + 'static) -> Kept {
        let (number, released) = {
            let mut state = self.lock();
            // Others go before the one that was just read and that somebody waits for.
            let released = state.evict_kept(self.most.saturating_sub(bytes));
            let number = state.number();
            state.kept.insert(number, (bytes, Box::new(release)));
            (number, released)
        };
        call(released);
        Kept { lists: Arc::clone(self), number }
    }
}

/// Outside of the lock: what is let go gives its bytes back.
fn call(released: Vec<Release>) {
    for release in released {
        release();
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lists").field("most", &self.most).field("used", &self.used()).finish_non_exhaustive()
    }
}

/// A list that is being read.
#[derive(Debug)]
pub struct Reading {
    lists: Arc<Lists>,
    number: u64,
    ended: Arc<Notify>,
}

impl Reading {
    /// Counts a page of the list. `false` when the list has to end, because it is the largest and all together are too large.
    #[must_use]
    pub fn grow(&self, bytes: usize) -> bool {
        let (goes_on, released) = {
            let mut state = self.lists.lock();
            let Some(growing) = state.reading.get_mut(&self.number) else {
                return false;
            };
            growing.bytes = growing.bytes.saturating_add(bytes);
            let released = state.evict(self.lists.most);
            (state.reading.contains_key(&self.number), released)
        };
        call(released);
        goes_on
    }

    /// The list is read from its first page again.
    pub fn start_over(&self) {
        if let Some(growing) = self.lists.lock().reading.get_mut(&self.number) {
            growing.bytes = 0;
        }
    }

    /// Waits until the list has to end, which may be never.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.lists.lock().reading.remove(&self.number);
    }
}

/// A list that is kept.
#[derive(Debug)]
pub struct Kept {
    lists: Arc<Lists>,
    number: u64,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Not within the lock: what `release` holds may be dropped with it.
        let removed = self.lists.lock().kept.remove(&self.number);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn lists(most: usize) -> Arc<Lists> {
        Arc::new(Lists::new(most))
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_list_ends_and_the_others_go_on() {
        let lists = lists(100);
        let (large, small, smaller) = (lists.begin(), lists.begin(), lists.begin());
        assert!(large.grow(60) && small.grow(25) && smaller.grow(15));
        assert!(smaller.grow(5), "one over, and this is not the largest");
        tokio::time::timeout(std::time::Duration::from_secs(1), large.ended()).await.unwrap();
        assert!(!large.grow(1), "it ended");
        assert_eq!(lists.used(), 45);
        assert!(!small.grow(80), "now this one is the largest");
        drop((large, small, smaller));
        assert_eq!(lists.used(), 0);
    }

    #[test]
    fn kept_lists_go_before_lists_that_are_read_and_the_largest_first() {
        let lists = lists(100);
        let gone = Arc::new(Mutex::new(Vec::new()));
        let keep = |bytes: usize| {
            let gone = Arc::clone(&gone);
            lists.keep(bytes, move || gone.lock().unwrap().push(bytes))
        };
        let kept = [keep(20), keep(50), keep(10)];
        let reading = lists.begin();
        assert!(reading.grow(30));
        assert_eq!(*gone.lock().unwrap(), [50]);
        assert!(reading.grow(70), "all that is kept goes");
        assert_eq!(*gone.lock().unwrap(), [50, 20, 10]);
        assert_eq!(lists.used(), 100);
        drop((kept, reading));
        assert_eq!(lists.used(), 0);
    }

    #[test]
    fn what_is_let_go_may_drop_what_it_was_kept_with() {
        let lists = lists(10);
        let holder = Arc::new(Mutex::new(None));
        let weak = Arc::downgrade(&holder);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let kept = lists.keep(10, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let kept = weak.upgrade().and_then(|holder| holder.lock().unwrap().take());
            drop(kept);
        });
        *holder.lock().unwrap() = Some(kept);
        let reading = lists.begin();
        assert!(reading.grow(1));
        assert_eq!((calls.load(Ordering::Relaxed), lists.used()), (1, 1));
        assert!(holder.lock().unwrap().is_none());
    }

    #[test]
    fn a_list_that_is_read_again_counts_once() {
        let lists = lists(100);
        let reading = lists.begin();
        for _ in 0..5 {
            assert!(reading.grow(90));
            reading.start_over();
        }
        assert_eq!(lists.used(), 0);
    }
}
