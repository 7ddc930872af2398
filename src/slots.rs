//! Who is reconciled next. There are so many slots, and a visit that waits for a slow vendor or API server keeps one; so
//! no namespace and no account may hold more of them than are left free for the others, and those that wait come in
//! turn: by namespace, within it by urgency, and then by account.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::{Receiver, Sender, channel};

/// How urgent the visit of an object is, among those of its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody edited or deletes what exists.
    Edit,
    /// Something is to be created.
    Create,
    /// Nothing asks for it but time.
    Rest,
}

/// Urgencies from the first to the last.
const URGENCIES: usize = 3;

/// On whose account a slot is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Namespace of the object; empty for one of the cluster.
    pub namespace: String,
    /// The vendor account that the visit may wait for; empty for none.
    pub account: String,
    /// How urgent it is.
    pub urgency: Urgency,
}

/// The slots of one kind of visit. Clones share them.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Mutex<State>>);

/// A slot, free again when it is dropped.
#[derive(Debug)]
pub struct Slot {
    /// Where it goes back to; `None` once it is there.
    slots: Option<Slots>,
    namespace: String,
    account: String,
}

#[derive(Debug)]
struct State {
    free: usize,
    by_namespace: HashMap<String, usize>,
    by_account: HashMap<String, usize>,
    /// The namespaces that wait, the one whose turn it is in front.
    waiting: VecDeque<Namespace>,
    closed: bool,
}

/// What waits of one namespace.
#[derive(Debug)]
struct Namespace {
    name: String,
    /// By urgency, the accounts that wait, the one whose turn it is in front.
    accounts: [VecDeque<Account>; URGENCIES],
}

#[derive(Debug)]
struct Account {
    name: String,
    visits: VecDeque<Sender<Slot>>,
}

impl Slots {
    /// So many; none would let nothing happen, so there is one at least.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: count.max(1),
            by_namespace: HashMap::new(),
            by_account: HashMap::new(),
            waiting: VecDeque::new(),
            closed: false,
        })))
    }

    /// Waits for a slot. `None` when the process is ending and there is none to come.
    pub async fn take(&self, claimant: Claimant) -> Option<Slot> {
        let turn = self.queue(claimant)?;
        self.give();
        turn.await.ok()
    }

    /// Nothing is begun any more; who waits is told.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    fn queue(&self, claimant: Claimant) -> Option<Receiver<Slot>> {
        let Claimant { namespace, account, urgency } = claimant;
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        let (slot, turn) = channel();
        let at = state.waiting.iter().position(|waiting| waiting.name == namespace);
        let at = at.unwrap_or_else(|| {
            state.waiting.push_back(Namespace { name: namespace, accounts: Default::default() });
            state.waiting.len() - 1
        });
        let accounts = &mut state.waiting[at].accounts[urgency as usize];
        match accounts.iter_mut().find(|waiting| waiting.name == account) {
            Some(waiting) => waiting.visits.push_back(slot),
            None => accounts.push_back(Account { name: account, visits: [slot].into() }),
        }
        Some(turn)
    }

    /// Gives free slots to those whose turn it is.
    fn give(&self) {
        loop {
            let Some((to, namespace, account)) = self.lock().next() else { return };
            // Of one that does not wait any more the slot comes back, for the next turn of this loop: dropped as it is it
            // would be given to another from within, and thousands that have gone would be as many calls deep.
            if let Err(mut unwanted) = to.send(Slot { slots: Some(self.clone()), namespace, account }) {
                unwanted.slots = None;
                self.lock().give_back(&unwanted.namespace, &unwanted.account);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a slot for whom it is to be given to.
    fn next(&mut self) -> Option<(Sender<Slot>, String, String)> {
        if self.free == 0 {
            return None;
        }
        // Each namespace is asked once, from the one whose turn it is.
        for _ in 0..self.waiting.len() {
            let mut namespace = self.waiting.pop_front()?;
            let found = (held(&self.by_namespace, &namespace.name) < self.free)
                .then(|| namespace.next(&self.by_account, self.free))
                .flatten();
            let name = namespace.name.clone();
            if namespace.accounts.iter().any(|accounts| !accounts.is_empty()) {
                self.waiting.push_back(namespace);
            }
            if let Some((to, account)) = found {
                self.free -= 1;
                *self.by_namespace.entry(name.clone()).or_default() += 1;
                *self.by_account.entry(account.clone()).or_default() += 1;
                return Some((to, name, account));
            }
        }
        None
    }

    fn give_back(&mut self, namespace: &str, account: &str) {
        self.free += 1;
        for (all, name) in [(&mut self.by_namespace, namespace), (&mut self.by_account, account)] {
            if let Some(held) = all.get_mut(name) {
                *held -= 1;
                if *held == 0 {
                    all.remove(name);
                }
            }
        }
    }
}

impl Namespace {
    /// The most urgent visit of an account that may have one more.
    fn next(&mut self, by_account: &HashMap<String, usize>, free: usize) -> Option<(Sender<Slot>, String)> {
        for accounts in &mut self.accounts {
            for _ in 0..accounts.len() {
                let mut account = accounts.pop_front()?;
                let may = account.name.is_empty() || held(by_account, &account.name) < free;
                let found = if may { account.visits.pop_front() } else { None };
                let name = account.name.clone();
                if !account.visits.is_empty() {
                    accounts.push_back(account);
                }
                if let Some(found) = found {
                    return Some((found, name));
                }
            }
        }
        None
    }
}

/// How many slots a name holds. It may have one more while that is less than what is free: alone it gets half of all, and
/// whoever comes after it finds the other half.
fn held(all: &HashMap<String, usize>, name: &str) -> usize {
    all.get(name).copied().unwrap_or_default()
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(slots) = self.slots.take() else { return };
        slots.lock().give_back(&self.namespace, &self.account);
        slots.give();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    fn of(namespace: &str, account: &str, urgency: Urgency) -> Claimant {
        Claimant { namespace: namespace.into(), account: account.into(), urgency }
    }

    fn creation(namespace: &str, account: &str) -> Claimant {
        of(namespace, account, Urgency::Create)
    }

    /// A slot that is free at once.
    fn at_once(slots: &Slots, claimant: Claimant) -> Option<Slot> {
        slots.take(claimant).now_or_never().flatten()
    }

    #[test]
    fn one_namespace_gets_half_and_the_next_finds_the_other_half() {
        let slots = Slots::new(64);
        let held: Vec<Slot> =
            (0..400).filter_map(|n| at_once(&slots, creation("mallory", &format!("{n}")))).collect();
        assert_eq!(held.len(), 32);
        let others: Vec<Slot> = (0..32).filter_map(|_| at_once(&slots, creation("alice", "hers"))).collect();
        assert_eq!(others.len(), 16, "and leaves half of that to whoever comes next");
        assert!(at_once(&slots, creation("bob", "his")).is_some());
    }

    #[test]
    fn an_account_that_namespaces_share_leaves_slots_to_other_accounts() {
        let slots = Slots::new(8);
        let held: Vec<Slot> =
            (0..8).filter_map(|n| at_once(&slots, creation(&format!("n{n}"), "shared"))).collect();
        assert_eq!(held.len(), 4);
        assert!(at_once(&slots, creation("n0", "another")).is_some());
    }

    #[test]
    fn who_waits_comes_in_turn_by_namespace_then_by_urgency_then_by_account() {
        let slots = Slots::new(1);
        let first = at_once(&slots, creation("alice", "a"));
        let queued = [
            ("alice/create/a", creation("alice", "a")),
            ("alice/create/a", creation("alice", "a")),
            ("alice/create/b", creation("alice", "b")),
            ("alice/edit", of("alice", "a", Urgency::Edit)),
            ("alice/rest", of("alice", "a", Urgency::Rest)),
            ("bob/create", creation("bob", "c")),
        ];
        let mut waiting: Vec<_> =
            queued.into_iter().map(|(name, claimant)| (name, slots.queue(claimant).unwrap())).collect();
        let (mut served, mut slot) = (Vec::new(), first);
        while !waiting.is_empty() {
            drop(slot.take());
            let at = waiting.iter_mut().position(|(_, turn)| {
                slot = turn.try_recv().ok();
                slot.is_some()
            });
            served.push(waiting.remove(at.unwrap()).0);
        }
        let expected =
            ["alice/edit", "bob/create", "alice/create/a", "alice/create/b", "alice/create/a", "alice/rest"];
        assert_eq!(served, expected);
    }

    #[test]
    fn the_end_of_the_process_is_told_to_who_waits() {
        let slots = Slots::new(1);
        let held = at_once(&slots, creation("alice", "a"));
        let turn = slots.queue(creation("alice", "a")).unwrap();
        slots.close();
        assert!(turn.now_or_never().unwrap().is_err());
        assert!(slots.take(creation("alice", "a")).now_or_never().unwrap().is_none());
        drop(held);
    }

    #[test]
    fn many_who_do_not_wait_any_more_are_passed_over() {
        let slots = Slots::new(1);
        let held = at_once(&slots, creation("alice", "a"));
        for _ in 0..100_000 {
            drop(slots.queue(creation("alice", "a")));
        }
        let turn = slots.queue(creation("alice", "a")).unwrap();
        drop(held);
        assert!(turn.now_or_never().unwrap().is_ok());
    }

    proptest! {
        /// However visits come, end and are given up: no slot is lost or made, and nobody waits beside a free one whom
        /// the rule would let have it.
        #[test]
        fn slots_are_neither_lost_nor_made(
            steps in prop::collection::vec((0_usize..4, 0_usize..3, 0_usize..3, 0_usize..3), 1..120),
            count in 1_usize..9,
        ) {
            let slots = Slots::new(count);
            let (mut held, mut waiting) = (Vec::new(), Vec::new());
            for (what, namespace, account, pick) in steps {
                match what {
                    0 | 1 => {
                        let urgency = [Urgency::Edit, Urgency::Create, Urgency::Rest][pick];
                        waiting.push(slots.queue(of(&format!("n{namespace}"), &format!("a{account}"), urgency)).unwrap());
                        slots.give();
                    }
                    2 if !held.is_empty() => drop(held.swap_remove(pick % held.len())),
                    3 if !waiting.is_empty() => drop(waiting.swap_remove(pick % waiting.len())),
                    _ => {}
                }
                waiting.retain_mut(|turn: &mut Receiver<Slot>| match turn.try_recv() {
                    Ok(slot) => { held.push(slot); false }
                    Err(_) => true,
                });
                let state = slots.lock();
                prop_assert_eq!(held.len() + state.free, count);
                prop_assert_eq!(state.by_namespace.values().sum::<usize>(), held.len());
                prop_assert!(held.is_empty() || state.free < count);
                prop_assert!(!held.is_empty() || waiting.is_empty(), "somebody waits though all is free");
            }
        }
    }
}
