//! Accounts as products use them: the state that the accounts' own reconcile keeps up to date.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::cached::{Cached as _, CachedProduct};
use super::error::{advice, reason_of};
use crate::api::{AccountKind, AccountView, Adoption, IotProduct, Reason, Vendor};
use crate::plan::Trust;
use crate::vendor::VendorError;
use crate::vendor::connection::Connection;

/// Within this time what passes by itself is tried again, unless the vendor asks for more.
const ADVISED: Duration = Duration::from_mins(1);

/// Names an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountId {
    /// Its kind.
    pub kind: AccountKind,
    /// Its namespace; `None` for a `ClusterIotAccount`.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl AccountId {
    /// The account that a product names.
    pub fn of(product: &IotProduct) -> Self {
        let account = &product.spec.account_ref;
        let namespace = match account.kind {
            AccountKind::IotAccount => product.metadata.namespace.clone(),
            AccountKind::ClusterIotAccount => None,
        };
        Self { kind: account.kind, namespace, name: account.name.clone() }
    }

    /// The account itself.
    pub fn from_view(view: &AccountView<'_>) -> Self {
        Self { kind: view.kind, namespace: view.namespace.map(str::to_owned), name: view.name.to_owned() }
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Why an account cannot be used as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Reason of its condition Ready.
    pub reason: Reason,
    /// What the user reads.
    pub message: String,
    /// Of what a vendor answered: what tells it from another answer of the same reason. Its message does not, because
    /// vendors put times and numbers of requests into theirs.
    answer: Option<String>,
}

impl Trouble {
    /// A trouble that is found here.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), answer: None }
    }

    /// Whether another says the same, perhaps with other details.
    pub fn is_like(&self, other: &Self) -> bool {
        let same_words = self.answer.is_some() || self.message == other.message;
        self.reason == other.reason && self.answer == other.answer && same_words
    }

    /// What a failed list says.
    pub fn of(error: &VendorError) -> Self {
        let reason = match reason_of(error.class, false) {
            // A list names no product: these would speak of one.
            Reason::ProductMissing | Reason::InvalidSpec | Reason::QuotaExceeded => {
                Reason::EndpointMisconfigured
            }
            Reason::Creating => Reason::Throttled,
            reason => reason,
        };
        // What says that there was no answer is our own wording.
        let unanswered = error.source.as_ref().map(ToString::to_string);
        let answer = Some(error.code.as_ref().map(ToString::to_string).or(unanswered).unwrap_or_default());
        Self { reason, message: format!("{error}; {}", when(reason, error)), answer }
    }

    /// The vendor refuses the key or the place, whatever is asked.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self.reason,
            Reason::CredentialsInvalid
                | Reason::AccountSuspended
                | Reason::EndpointMisconfigured
                | Reason::EndpointNotAllowed
        )
    }
}

/// What to do about a failed list, and when the next is made: a vendor's hint is followed, for ten minutes at the most.
fn when(reason: Reason, error: &VendorError) -> Cow<'static, str> {
    let (said, long) = (advice(reason), error.retry_after.is_some_and(|after| after > ADVISED));
    if long {
        said.replace("retried within 60s", "retried within 600s, as the vendor asks").into()
    } else {
        said.into()
    }
}

/// Whether two troubles, or the absence of them, say the same.
pub fn like(one: Option<&Trouble>, other: Option<&Trouble>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_like(other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// An account's state.
#[derive(Clone)]
pub struct AccountState {
    /// The vendor it is for.
    pub vendor: Vendor,
    /// Which existing products may be taken over.
    pub adoption: Adoption,
    /// Present when key and settings could be read.
    pub connection: Option<Arc<Connection>>,
    /// How far it is believed when it does not show something.
    pub trust: Trust,
    /// What is wrong, if anything. With a connection, reading known products may still work.
    pub trouble: Option<Trouble>,
    /// It is being deleted: what exists may still be deleted through it, and nothing is created.
    pub closing: bool,
}

/// What products see of a new state of their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// It can be used, and nothing was known of it before.
    Opened,
    /// Anything else.
    Other,
}

impl Change {
    /// Whether a product has to be visited for it. One at rest found the account as it is before this process began.
    pub fn is_seen_by(self, product: &CachedProduct) -> bool {
        match self {
            Self::Nothing => false,
            Self::Opened => !product.rests(),
            Self::Other => true,
        }
    }
}

/// All accounts that were looked at since the start.
#[derive(Default)]
pub struct Accounts {
    states: RwLock<HashMap<AccountId, Arc<AccountState>>>,
    /// UIDs of deleted accounts that need their key no more; the stores may show them for a while.
    done: RwLock<HashSet<String>>,
}

impl Accounts {
    /// The state of an account; `None` before its first visit.
    pub fn get(&self, id: &AccountId) -> Option<Arc<AccountState>> {
        self.states.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Sets the state and tells what products see of that.
    pub fn set(&self, id: AccountId, state: AccountState) -> Change {
        let mut accounts = self.states.write().unwrap_or_else(PoisonError::into_inner);
        let state = Arc::new(state);
        let Some(before) = accounts.insert(id, Arc::clone(&state)) else {
            return if state.connection.is_some() && state.trouble.is_none() {
                Change::Opened
            } else {
                Change::Other
            };
        };
        let same = like(before.trouble.as_ref(), state.trouble.as_ref())
            && before.adoption == state.adoption
            && before.trust == state.trust
            && before.connection.as_ref().map(Arc::as_ptr) == state.connection.as_ref().map(Arc::as_ptr);
        if same { Change::Nothing } else { Change::Other }
    }

    /// From now on nothing is created through an account.
    pub fn close(&self, id: &AccountId) {
        let mut accounts = self.states.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = accounts.get_mut(id) {
            Arc::make_mut(state).closing = true;
        }
    }

    /// Whether nothing may be created through an account any more.
    pub fn closing(&self, id: &AccountId) -> bool {
        self.get(id).is_none_or(|state| state.closing)
    }

    /// A deleted account has no product left that needs its key.
    pub fn done(&self, uid: &str) {
        self.done.write().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned());
    }

    /// Whether a deleted account has said so.
    pub fn is_done(&self, uid: &str) -> bool {
        self.done.read().unwrap_or_else(PoisonError::into_inner).contains(uid)
    }

    /// Forgets a deleted account that no store shows any more.
    pub fn forget_done(&self, uid: &str) {
        self.done.write().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Forgets accounts that are not there.
    pub fn keep_only(&self, exists: impl Fn(&AccountId) -> bool) {
        self.states.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| exists(id));
    }

    /// Forgets an account that is gone.
    pub fn remove(&self, id: &AccountId) {
        self.states.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::cached::at_rest;

    fn state(trouble: Option<Reason>) -> AccountState {
        AccountState {
            vendor: Vendor::TencentCloud,
            adoption: Adoption::Unmarked,
            connection: None,
            trust: Trust::Shown,
            trouble: trouble.map(|reason| Trouble::new(reason, "")),
            closing: false,
        }
    }

    #[test]
    fn products_see_what_changes_and_what_was_wrong_from_the_beginning() {
        let accounts = Accounts::default();
        let id = AccountId { kind: AccountKind::IotAccount, namespace: None, name: "tencent".into() };
        let invalid = || state(Some(Reason::CredentialsInvalid));
        assert_eq!(accounts.set(id.clone(), invalid()), Change::Other, "what rests was Ready and is not");
        assert_eq!(accounts.set(id.clone(), invalid()), Change::Nothing);
        assert_eq!(accounts.set(id, state(None)), Change::Other);
    }

    #[test]
    fn what_rests_is_not_visited_for_an_account_that_can_be_used() {
        let mut new = at_rest("a");
        new.status = None;
        let (new, at_rest) = (CachedProduct::of(new), CachedProduct::of(at_rest("a")));
        assert!(!new.rests() && Change::Opened.is_seen_by(&new));
        let sees = [Change::Nothing, Change::Opened, Change::Other].map(|change| change.is_seen_by(&at_rest));
        assert_eq!(sees, [false, false, true]);
    }
}
