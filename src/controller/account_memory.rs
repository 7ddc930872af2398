//! What the accounts' own visits remember between them. A visit works on a copy; what products report meanwhile
//! is not lost.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::accounts::{AccountId, Trouble};
use super::context::Context;
use crate::api::account::ConfirmedMissing;
use crate::plan::Trust;
use crate::vendor::connection::{Connection, SharedBudget};

/// How soon a vendor that did not answer is asked again, and a suspicion follows a list.
pub const RETRY: Duration = Duration::from_secs(10);

/// How soon a visit that failed at the API server is made again, at first.
const FAILED: Duration = Duration::from_secs(1);

/// What is remembered of one account.
#[derive(Clone, Default)]
pub struct Memory {
    /// What the connection was made from.
    pub version: Option<Version>,
    /// The connection.
    pub connection: Option<Arc<Connection>>,
    /// The request budget of every connection that this account has had.
    pub budget: SharedBudget,
    /// What is wrong, if anything.
    pub trouble: Option<Trouble>,
    /// How far the connection is believed when it does not show something.
    pub trust: Trust,
    /// What became of the last order to believe that products are gone; `None` before the first list.
    pub confirmed: Option<ConfirmedMissing>,
    /// Ids in the last list that no object of this account recorded then.
    pub others: Option<Arc<HashSet<String>>>,
    /// Begin of the last list, whatever became of it.
    pub attempted: Option<Instant>,
    /// End of the last list that was answered, since the Unix epoch.
    pub listed: Option<Duration>,
    /// When the next list is due; `None` is now.
    pub next_list: Option<Instant>,
    /// When the counts were last written.
    pub counted: Option<Instant>,
    /// Resource version of the account as this process last wrote it; the store may lag behind.
    pub written: Option<u64>,
    /// Since when the credentials Secret is seen being deleted.
    pub secret_ending: Option<Instant>,
    /// Failures of the list in a row.
    pub failures: u32,
    /// Since when they last.
    pub failing_since: Option<Instant>,
    suspected: Option<Instant>,
    /// Visits in a row that failed at the API server.
    unanswered: u32,
}

/// What a connection was made from.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    /// UID of the account.
    pub uid: Option<String>,
    /// Generation of the account.
    pub generation: Option<i64>,
    /// The Secret's data, hashed: our own finalizer on it is no new key.
    pub secret: Option<String>,
}

/// Accounts' memories by id.
#[derive(Default)]
pub struct Memories(Mutex<HashMap<AccountId, Memory>>);

impl Memory {
    /// Whether a list is due.
    pub fn due(&self) -> bool {
        self.next_list.is_none_or(|at| at <= Instant::now())
    }

    /// A suspicion that the last list does not answer has the next one made soon.
    fn heed(&mut self) {
        let Some(suspected) = self.suspected.take() else { return };
        if self.attempted.is_none_or(|attempted| attempted < suspected) {
            let soon = self.soon();
            self.next_list = self.next_list.map(|next| next.min(soon));
        }
    }

    /// The earliest moment of a list that nothing but a suspicion asks for.
    fn soon(&self) -> Instant {
        let now = Instant::now();
        self.attempted.map_or(now, |attempted| now.max(attempted + RETRY))
    }
}

impl Memories {
    fn with<R>(&self, act: impl FnOnce(&mut HashMap<AccountId, Memory>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A copy to work on.
    pub fn recall(&self, id: &AccountId) -> Memory {
        self.with(|memories| {
            let memory = memories.entry(id.clone()).or_default();
            memory.heed();
            memory.clone()
        })
    }

    /// Puts the copy back, and gives it as it is with what was reported meanwhile.
    pub fn keep(&self, id: &AccountId, mut memory: Memory) -> Memory {
        self.with(|memories| {
            memory.suspected = memories.get(id).and_then(|before| before.suspected);
            memory.heed();
            memories.insert(id.clone(), memory.clone());
            memory
        })
    }

    /// The store's copy of the account cannot be trusted: somebody else wrote it.
    pub fn doubt(&self, id: &AccountId) {
        self.with(|memories| memories.entry(id.clone()).or_default().written = Some(u64::MAX));
    }

    /// A visit of the account failed at the API server. How long to wait: longer from time to time.
    pub fn failed(&self, id: &AccountId) -> Duration {
        self.with(|memories| {
            let Some(memory) = memories.get_mut(id) else { return FAILED };
            let waited = FAILED.saturating_mul(1 << memory.unanswered.min(5));
            memory.unanswered = memory.unanswered.saturating_add(1);
            waited
        })
    }

    /// A visit of the account ended as it should.
    pub fn succeeded(&self, id: &AccountId) {
        self.with(|memories| {
            if let Some(memory) = memories.get_mut(id) {
                memory.unanswered = 0;
            }
        });
    }

    /// Forgets accounts that are not there.
    pub fn keep_only(&self, exists: impl Fn(&AccountId) -> bool) {
        self.with(|memories| memories.retain(|id, _| exists(id)));
    }

    /// Forgets an account that is gone.
    pub fn forget(&self, id: &AccountId) {
        self.with(|memories| memories.remove(id));
    }

    /// Notes a suspicion. Whether a visit has to come earlier for it.
    fn suspect(&self, id: &AccountId) -> bool {
        self.with(|memories| {
            let memory = memories.entry(id.clone()).or_default();
            let soon = memory.soon();
            if memory.suspected.is_some() || memory.next_list.is_some_and(|next| next <= soon) {
                return false;
            }
            memory.suspected = Some(Instant::now());
            true
        })
    }
}

/// A product's call failed in a way that may be the account's: its list is due, unless one was just made, and
/// its key is looked at. Of an account that does not exist nothing is remembered.
pub fn suspect(ctx: &Context, id: &AccountId) {
    if ctx.account_exists(id) && ctx.account_memories.suspect(id) {
        ctx.wake_account(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::AccountKind;

    fn account() -> AccountId {
        AccountId { kind: AccountKind::IotAccount, namespace: Some("factory".into()), name: "a".into() }
    }

    /// A list was just made, and the next one is far away.
    fn listed() -> Memory {
        let now = Instant::now();
        Memory { attempted: Some(now), next_list: Some(now + RETRY * 100), ..Memory::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspicion_during_a_visit_is_not_lost() {
        let memories = Memories::default();
        let id = account();
        memories.keep(&id, listed());
        tokio::time::advance(RETRY * 2).await;
        let visit = memories.recall(&id);
        assert!(!visit.due());
        assert!(memories.suspect(&id) && !memories.suspect(&id), "one is enough");
        assert!(memories.keep(&id, visit).due());
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_begun_after_a_suspicion_answers_it() {
        let memories = Memories::default();
        let id = account();
        memories.keep(&id, listed());
        tokio::time::advance(RETRY * 2).await;
        assert!(memories.suspect(&id));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!memories.keep(&id, listed()).due());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_list_a_suspicion_waits_its_time() {
        let memories = Memories::default();
        let id = account();
        memories.keep(&id, listed());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(memories.suspect(&id));
        assert!(!memories.recall(&id).due());
        tokio::time::advance(RETRY).await;
        assert!(memories.recall(&id).due());
    }

    #[tokio::test(start_paused = true)]
    async fn of_accounts_that_are_not_there_nothing_is_kept() {
        let memories = Memories::default();
        let gone = AccountId { name: "gone".into(), ..account() };
        memories.keep(&account(), listed());
        memories.keep(&gone, listed());
        memories.keep_only(|id| *id == account());
        assert!(memories.with(|all| all.contains_key(&account()) && !all.contains_key(&gone)));
        memories.failed(&gone);
        assert!(memories.with(|all| !all.contains_key(&gone)), "a failure makes no entry");
    }

    #[tokio::test(start_paused = true)]
    async fn visits_that_fail_at_the_api_server_come_more_and_more_seldom_until_one_succeeds() {
        let memories = Memories::default();
        memories.keep(&account(), listed());
        let waits: Vec<u64> = (0..7).map(|_| memories.failed(&account()).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32]);
        let visit = memories.recall(&account());
        memories.keep(&account(), visit);
        assert_eq!(memories.failed(&account()).as_secs(), 32, "what was found is kept before it is shown");
        memories.succeeded(&account());
        assert_eq!(memories.failed(&account()).as_secs(), 1);
    }

    #[test]
    fn of_accounts_that_are_gone_nothing_is_remembered() {
        let memories = Memories::default();
        let [gone, never, there] =
            ["gone", "never", "there"].map(|name| AccountId { name: name.into(), ..account() });
        for id in [&gone, &there] {
            memories.keep(id, Memory::default());
        }
        // What a visit notes that was under way when the account went.
        assert!(memories.suspect(&never));
        memories.forget(&gone);
        assert_eq!(memories.with(|memories| memories.len()), 2);
        memories.keep_only(|id| *id == there);
        assert_eq!(memories.with(|memories| memories.keys().cloned().collect::<Vec<_>>()), [there]);
    }
}
