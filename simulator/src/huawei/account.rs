//! Accounts: their keys, users, instances and products.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::quota::Window;

/// An access key, with a token if it is a temporary one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// `Access`.
    pub access_key: String,
    /// What signatures are made with.
    pub secret_key: String,
    /// Value of `X-Security-Token` that every call must carry.
    #[serde(default)]
    pub security_token: Option<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Key {
    /// A permanent key.
    pub fn new(access_key: &str, secret_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), secret_key: secret_key.to_owned(), security_token: None }
    }
}

/// An IAM user with programmatic access.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Name of the account that it belongs to.
    pub domain: String,
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An integration application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its id.
    pub app_id: String,
    /// Its name.
    pub name: String,
    /// The caller may see and use it. Products of others are hidden and keep their names.
    #[serde(default = "granted")]
    pub granted: bool,
}

fn granted() -> bool {
    true
}

impl App {
    /// An application that the caller may use.
    pub fn new(app_id: &str, name: &str) -> Self {
        Self { app_id: app_id.to_owned(), name: name.to_owned(), granted: true }
    }
}

/// A ROMA Connect instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// Its id.
    pub instance_id: String,
    /// Its applications.
    pub apps: Vec<App>,
    /// Names of its product templates by their ids.
    pub templates: BTreeMap<i64, String>,
    /// Products it may have.
    pub product_limit: usize,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            instance_id: "f3bb386a-23ec-47aa-9943-4c60ac658611".to_owned(),
            apps: vec![App::new("a1503e51-46f7-4d23-8617-7cb2d28dde98", "factory")],
            templates: BTreeMap::new(),
            product_limit: 500,
        }
    }
}

/// An account to begin with: one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountConfig {
    /// Name in the admin interface and the call log.
    pub name: String,
    /// Its keys.
    pub keys: Vec<Key>,
    /// Its IAM users.
    pub users: Vec<User>,
    /// Its project.
    pub project_id: String,
    /// Its instances.
    pub instances: Vec<Instance>,
}

impl Default for AccountConfig {
    fn default() -> Self {
        let user = User {
            domain: "acme".to_owned(),
            name: "iot-operator".to_owned(),
            password: "Pa55-word-of-iam".to_owned(),
        };
        Self {
            name: "default".to_owned(),
            keys: vec![Key::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")],
            users: vec![user],
            project_id: "397cd10b30544c588b2f4a56d83856c4".to_owned(),
            instances: vec![Instance::default()],
        }
    }
}

impl AccountConfig {
    /// An account with one permanent key and the default's other values, but no users.
    pub fn new(name: &str, access_key: &str, secret_key: &str) -> Self {
        let keys = vec![Key::new(access_key, secret_key)];
        Self { name: name.to_owned(), keys, users: Vec::new(), ..Self::default() }
    }
}

/// A token that IAM gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issued {
    /// End of its life, by the vendor's clock.
    pub(crate) expires: i64,
    /// Its user's rights or password changed.
    pub(crate) stale: bool,
}

/// What an account holds.
pub(crate) struct State {
    /// Everything but the keys, which the directory has.
    pub(crate) config: AccountConfig,
    pub(crate) products: Store,
}

pub(crate) struct Account {
    pub(crate) name: String,
    state: Mutex<State>,
    quota: Mutex<HashMap<String, Window>>,
}

impl Account {
    pub(crate) fn new(config: AccountConfig) -> Self {
        let name = config.name.clone();
        let state = State { config, products: Store::default() };
        Self { name, state: Mutex::new(state), quota: Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn quota(&self) -> MutexGuard<'_, HashMap<String, Window>> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All accounts, and whose a key or token is.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) accounts: BTreeMap<String, Arc<Account>>,
    keys: HashMap<String, (Arc<Key>, Arc<Account>)>,
    pub(crate) tokens: HashMap<String, (Issued, Arc<Account>)>,
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
            self.keys.insert(key.access_key.clone(), (Arc::new(key), account.clone()));
        }
        true
    }

    pub(crate) fn key(&self, access_key: &str) -> Option<(Arc<Key>, Arc<Account>)> {
        self.keys.get(access_key).cloned()
    }

    /// The account of an IAM user, and its password.
    pub(crate) fn user(&self, domain: &str, name: &str) -> Option<(Arc<Account>, String)> {
        self.accounts.values().find_map(|account| {
            let state = account.state();
            let user = state.config.users.iter().find(|user| user.domain == domain && user.name == name)?;
            Some((account.clone(), user.password.clone()))
        })
    }
}
