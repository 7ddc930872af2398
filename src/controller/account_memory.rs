//! What accounts' visits remember, and how a product's trouble reaches them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::accounts::{AccountId, Trouble};
use super::context::Context;
use crate::vendor::connection::Connection;

/// How soon a vendor that did not answer is asked again.
pub(super) const RETRY: Duration = Duration::from_secs(10);

/// What an account's reconcile remembers.
#[derive(Default, Clone)]
pub struct Memory {
    pub(super) version: Option<Version>,
    pub(super) connection: Option<Arc<Connection>>,
    pub(super) trouble: Option<Trouble>,
    pub(super) unmanaged: Option<usize>,
    pub(super) attempted: Option<Instant>,
    pub(super) listed: Option<Duration>,
    /// Since when the credentials Secret is seen being deleted.
    pub(super) secret_ending: Option<Instant>,
    pub(super) next_list: Option<Instant>,
    pub(super) counted: Option<Instant>,
    /// Refusals in a row of its list.
    pub(super) failures: u32,
    /// Since when it fails.
    pub(super) failing_since: Option<Instant>,
}

/// What a connection was made from.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) uid: Option<String>,
    pub(super) generation: Option<i64>,
    /// Its data, hashed: our own finalizer on it is no new key.
    pub(super) secret: Option<String>,
}

/// Accounts' memories by id.
pub type Memories = std::sync::Mutex<std::collections::HashMap<AccountId, Memory>>;

/// A product's call failed in a way that may be the account's: its list is due now, unless one was just made;
/// when a user asked for a check, as soon as one may be made again.
pub fn suspect(ctx: &Context, id: &AccountId, asked: bool) {
    let now = Instant::now();
    let mut memories = ctx.account_memories.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(memory) = memories.get_mut(id) {
        let due = memory.attempted.map_or(now, |at| at + RETRY).max(now);
        if !asked && due > now {
            return;
        }
        memory.next_list = Some(due);
        drop(memories);
        ctx.wake_account(id);
    }
}

pub(super) fn remembered(ctx: &Context, id: &AccountId) -> Memory {
    let memories = ctx.account_memories.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    memories.get(id).cloned().unwrap_or_default()
}

pub(super) fn remember(ctx: &Context, id: &AccountId, memory: Memory) {
    let mut memories = ctx.account_memories.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    memories.insert(id.clone(), memory);
}
