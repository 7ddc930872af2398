//! Accounts and their keys.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::quota::Window;

/// A key pair, with a token if it is a temporary one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// `SecretId`.
    pub secret_id: String,
    /// `SecretKey`.
    pub secret_key: String,
    /// Session token that every call must carry.
    #[serde(default)]
    pub token: Option<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

impl Key {
    /// A permanent key pair.
    pub fn new(secret_id: &str, secret_key: &str) -> Self {
        Self { secret_id: secret_id.to_owned(), secret_key: secret_key.to_owned(), token: None }
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
    /// Values of `X-TC-Region` that it accepts.
    pub regions: Vec<String>,
    /// Account number, shown as `UserId` and `CreateUserId`.
    pub uin: u64,
    /// Products it may have.
    pub product_limit: usize,
    /// Thing models that a create may name, with their names.
    pub models: BTreeMap<String, String>,
    /// Writes are refused with `FailedOperation.AccountIsolated`.
    pub suspended: bool,
}

impl Default for AccountConfig {
    fn default() -> Self {
        let regions =
            ["ap-guangzhou", "ap-shanghai", "ap-beijing", "ap-chengdu", "ap-chongqing", "ap-hongkong"];
        Self {
            name: "default".to_owned(),
            keys: vec![Key::new("AKIDEXAMPLE", "SECRETKEYEXAMPLE")],
            regions: regions.map(str::to_owned).to_vec(),
            uin: 100_000_000_001,
            product_limit: 2000,
            models: BTreeMap::new(),
            suspended: false,
        }
    }
}

impl AccountConfig {
    /// The account of the older API 2.0: the same key, and its names of the region.
    pub fn legacy() -> Self {
        let regions = ["gz", "ap-guangzhou"].map(str::to_owned).to_vec();
        Self { name: "legacy".to_owned(), regions, ..Self::default() }
    }

    /// An account with one permanent key and the default's other values.
    pub fn new(name: &str, secret_id: &str, secret_key: &str) -> Self {
        Self { name: name.to_owned(), keys: vec![Key::new(secret_id, secret_key)], ..Self::default() }
    }
}

/// A private CA certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrivateCa {
    pub(crate) text: String,
    pub(crate) created: i64,
}

/// What an account holds.
pub(crate) struct State {
    /// Everything but the keys, which the directory has.
    pub(crate) config: AccountConfig,
    pub(crate) products: Store,
    pub(crate) cas: BTreeMap<String, PrivateCa>,
}

pub(crate) struct Account {
    pub(crate) name: String,
    state: Mutex<State>,
    quota: Mutex<HashMap<String, Window>>,
}

impl Account {
    pub(crate) fn new(config: AccountConfig) -> Self {
        let name = config.name.clone();
        let state = State { config, products: Store::default(), cas: BTreeMap::new() };
        Self { name, state: Mutex::new(state), quota: Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn quota(&self) -> MutexGuard<'_, HashMap<String, Window>> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
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
        let name = config.name.clone();
        let keys = config.keys.clone();
        if let Some(account) = self.accounts.get(&name) {
            account.state().config = config;
        } else {
            self.accounts.insert(name.clone(), Arc::new(Account::new(config)));
        }
        self.set_keys(&name, keys);
    }

    /// Replaces the keys of an account; false if there is no such account.
    pub(crate) fn set_keys(&mut self, name: &str, keys: Vec<Key>) -> bool {
        let Some(account) = self.accounts.get(name).cloned() else {
            return false;
        };
        self.keys.retain(|_, (_, owner)| owner.name != name);
        account.state().config.keys.clone_from(&keys);
        for key in keys {
            self.keys.insert(key.secret_id.clone(), (Arc::new(key), account.clone()));
        }
        true
    }

    pub(crate) fn key(&self, secret_id: &str) -> Option<(Arc<Key>, Arc<Account>)> {
        self.keys.get(secret_id).cloned()
    }
}

/// The accounts of one API.
#[derive(Default)]
pub(crate) struct Accounts(RwLock<Directory>);

impl Accounts {
    pub(crate) fn new(accounts: Vec<AccountConfig>) -> Self {
        let mut directory = Directory::default();
        for account in accounts {
            directory.put(account);
        }
        Self(RwLock::new(directory))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
