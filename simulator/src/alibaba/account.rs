//! Accounts, their keys and their instances.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::store::Store;
use crate::quota::Window;

/// Seconds that a nonce is remembered: the window in which its time is accepted, on both sides.
const NONCES: i64 = 2 * super::auth::WINDOW;

/// An access key, with a token if it is a temporary one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// `AccessKeyId`.
    pub access_key_id: String,
    /// `AccessKeySecret`.
    pub access_key_secret: String,
    /// Token that every call must carry.
    #[serde(default)]
    pub security_token: Option<String>,
    /// Switched off in the console.
    #[serde(default)]
    pub inactive: bool,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Key {
    /// A permanent key.
    pub fn new(access_key_id: &str, access_key_secret: &str) -> Self {
        let (access_key_id, access_key_secret) = (access_key_id.to_owned(), access_key_secret.to_owned());
        Self { access_key_id, access_key_secret, security_token: None, inactive: false }
    }
}

/// An instance of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// Its id; empty for an old public instance, which has none.
    pub id: String,
    /// Of the MQTT type: one product, without thing model, with credentials of its own.
    pub mqtt: bool,
    /// Stopped or expired.
    pub stopped: bool,
}

impl Instance {
    /// A running instance.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }
}

/// An account to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountConfig {
    /// Name in the admin interface and the call log.
    pub name: String,
    /// Its keys.
    pub keys: Vec<Key>,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// Products an instance may have.
    pub product_limit: usize,
    /// Actions that no policy allows.
    pub denied: Vec<String>,
    /// A bill is overdue: every call of the service is refused.
    pub overdue: bool,
}

impl Default for AccountConfig {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            keys: vec![Key::new("testid", "testsecret")],
            instances: vec![Instance::new("iot-060a0xyz")],
            product_limit: 1000,
            denied: Vec::new(),
            overdue: false,
        }
    }
}

impl AccountConfig {
    /// An account with one permanent key and the default's other values.
    pub fn new(name: &str, access_key_id: &str, access_key_secret: &str) -> Self {
        let keys = vec![Key::new(access_key_id, access_key_secret)];
        Self { name: name.to_owned(), keys, ..Self::default() }
    }
}

/// What an account holds.
pub(crate) struct State {
    pub(crate) config: AccountConfig,
    pub(crate) products: Store,
}

pub(crate) struct Account {
    pub(crate) name: String,
    state: Mutex<State>,
    quota: Mutex<HashMap<String, Window>>,
    nonces: Mutex<HashMap<(String, String), i64>>,
}

impl Account {
    fn new(config: AccountConfig) -> Self {
        let name = config.name.clone();
        let state = Mutex::new(State { config, products: Store::default() });
        Self { name, state, quota: Mutex::default(), nonces: Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn quota(&self) -> MutexGuard<'_, HashMap<String, Window>> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a nonce, once per key.
    pub(crate) fn take_nonce(&self, key_id: &str, nonce: &str, now: i64) -> Result<(), Refusal> {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= 10_000 {
            nonces.retain(|_, at| now.abs_diff(*at) <= NONCES.unsigned_abs());
        }
        match nonces.insert((key_id.to_owned(), nonce.to_owned()), now) {
            None => Ok(()),
            Some(_) => Err(Refusal::new("SignatureNonceUsed", "Specified signature nonce was used already.")),
        }
    }
}

/// All accounts, and whose a key is.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) accounts: BTreeMap<String, Arc<Account>>,
    keys: HashMap<String, (Arc<Key>, Arc<Account>)>,
}

impl Directory {
    /// Adds an account or gives an existing one other keys and settings; its products stay.
    pub(crate) fn put(&mut self, config: AccountConfig) {
        let (name, keys) = (config.name.clone(), config.keys.clone());
        let account = match self.accounts.get(&name) {
            Some(account) => {
                account.state().config = config;
                account.clone()
            }
            None => self.accounts.entry(name.clone()).or_insert(Arc::new(Account::new(config))).clone(),
        };
        self.keys.retain(|_, (_, owner)| owner.name != name);
        for key in keys {
            self.keys.insert(key.access_key_id.clone(), (Arc::new(key), account.clone()));
        }
    }

    pub(crate) fn key(&self, access_key_id: &str) -> Option<(Arc<Key>, Arc<Account>)> {
        self.keys.get(access_key_id).cloned()
    }
}
