//! What happens at Tencent behind the APIs' back: console, billing, key management.

use std::sync::Arc;

use super::account::{Account, AccountConfig, Accounts, Key, PrivateCa};
use super::actions::free_id;
use super::product::Product;
use crate::admin::AdminError;
use crate::core::Core;

/// Which of Tencent's APIs an account is reached through.
#[derive(Clone, Copy)]
pub(crate) enum Api {
    /// API 3.0.
    Current,
    /// API 2.0.
    Legacy,
}

/// Handle for accounts and products of one of a simulator's two Tencent APIs.
#[derive(Clone)]
pub struct TencentAdmin {
    pub(crate) core: Arc<Core>,
    pub(crate) api: Api,
}

impl TencentAdmin {
    fn directory(&self) -> &Accounts {
        match self.api {
            Api::Current => &self.core.tencent.accounts,
            Api::Legacy => &self.core.tencent_legacy.accounts,
        }
    }

    fn account_of(&self, name: &str) -> Result<Arc<Account>, AdminError> {
        let directory = self.directory().read();
        directory.accounts.get(name).cloned().ok_or_else(|| AdminError::NoAccount(name.to_owned()))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Vec<AccountConfig> {
        let accounts: Vec<_> = self.directory().read().accounts.values().cloned().collect();
        accounts.iter().map(|account| account.state().config.clone()).collect()
    }

    /// One account.
    pub fn account(&self, name: &str) -> Result<AccountConfig, AdminError> {
        Ok(self.account_of(name)?.state().config.clone())
    }

    /// Adds an account, or gives the one of that name other keys and settings; its products stay.
    pub fn put_account(&self, account: AccountConfig) {
        self.directory().write().put(account);
    }

    /// Changes an account. Its name stays.
    pub fn edit_account(
        &self,
        name: &str,
        edit: impl FnOnce(&mut AccountConfig),
    ) -> Result<AccountConfig, AdminError> {
        let mut config = self.account(name)?;
        edit(&mut config);
        name.clone_into(&mut config.name);
        self.put_account(config.clone());
        Ok(config)
    }

    /// Replaces all keys of an account (rotation; an empty list removes them).
    pub fn set_keys(&self, account: &str, keys: Vec<Key>) -> Result<(), AdminError> {
        let found = self.directory().write().set_keys(account, keys);
        if found { Ok(()) } else { Err(AdminError::NoAccount(account.to_owned())) }
    }

    /// Takes one key away.
    pub fn remove_key(&self, account: &str, secret_id: &str) -> Result<(), AdminError> {
        self.edit_account(account, |config| {
            config.keys.retain(|key| key.secret_id != secret_id);
        })
        .map(drop)
    }

    /// Isolates an account: every write is refused with `FailedOperation.AccountIsolated`.
    pub fn suspend(&self, account: &str, suspended: bool) -> Result<(), AdminError> {
        self.account_of(account)?.state().config.suspended = suspended;
        Ok(())
    }

    /// Sets how many products an account may have.
    pub fn set_product_limit(&self, account: &str, limit: usize) -> Result<(), AdminError> {
        self.account_of(account)?.state().config.product_limit = limit;
        Ok(())
    }

    /// All products of an account, oldest first, secrets and device counts included.
    pub fn products(&self, account: &str) -> Result<Vec<Product>, AdminError> {
        let account = self.account_of(account)?;
        let products = account.state().products.all().to_vec();
        Ok(products.iter().map(|product| Product::clone(product)).collect())
    }

    /// Number of products of an account.
    pub fn product_count(&self, account: &str) -> Result<usize, AdminError> {
        Ok(self.account_of(account)?.state().products.len())
    }

    /// The products of that name, oldest first.
    pub fn products_named(&self, account: &str, name: &str) -> Result<Vec<Product>, AdminError> {
        let account = self.account_of(account)?;
        let state = account.state();
        Ok(state.products.named(name).map(|product| Product::clone(product)).collect())
    }

    /// One product.
    pub fn product(&self, account: &str, id: &str) -> Result<Product, AdminError> {
        let found = self.account_of(account)?.state().products.get(id).map(|product| Product::clone(product));
        found.ok_or_else(|| AdminError::no_product(account, id))
    }

    /// Makes a product behind the API's back. An empty id, region and creation date are filled in; nothing
    /// else is checked, so that names of the console and even duplicates can be had.
    pub fn create_product(&self, account: &str, mut product: Product) -> Result<Product, AdminError> {
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        if product.product_id.is_empty() {
            product.product_id = free_id(&state, &self.core.random);
        } else if state.products.get(&product.product_id).is_some() {
            return Err(AdminError::IdTaken(product.product_id));
        }
        if product.region.is_empty() {
            product.region = state.config.regions.first().cloned().unwrap_or_default();
        }
        if product.creation_date == 0 {
            product.creation_date = self.core.now_ms().div_euclid(1000);
        }
        Ok(Product::clone(&state.products.insert(product)))
    }

    /// Changes any member of a product behind the API's back.
    pub fn edit_product(
        &self,
        account: &str,
        id: &str,
        edit: impl FnOnce(&mut Product),
    ) -> Result<Product, AdminError> {
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        let missing = || AdminError::no_product(account, id);
        let mut product =
            state.products.get(id).map(|product| Product::clone(product)).ok_or_else(missing)?;
        let sequence = product.sequence;
        edit(&mut product);
        product.sequence = sequence;
        if product.product_id != id && state.products.get(&product.product_id).is_some() {
            return Err(AdminError::IdTaken(product.product_id));
        }
        let product = state.products.replace(product).ok_or_else(missing)?;
        Ok(Product::clone(&product))
    }

    /// Sets how many devices a product has.
    pub fn set_devices(&self, account: &str, id: &str, count: u64) -> Result<(), AdminError> {
        self.edit_product(account, id, |product| product.device_count = count).map(drop)
    }

    /// Removes a product behind the API's back, devices or not.
    pub fn delete_product(&self, account: &str, id: &str) -> Result<Product, AdminError> {
        let removed = self.account_of(account)?.state().products.remove(id);
        let product = removed.ok_or_else(|| AdminError::no_product(account, id))?;
        Ok(Product::clone(&product))
    }

    /// Removes all products of an account.
    pub fn delete_all_products(&self, account: &str) -> Result<(), AdminError> {
        self.account_of(account)?.state().products.clear();
        Ok(())
    }

    /// Puts a private CA of that name into the account.
    pub fn add_private_ca(&self, account: &str, name: &str) -> Result<(), AdminError> {
        let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", hex::encode(name));
        let created = self.core.now_ms().div_euclid(1000);
        self.account_of(account)?.state().cas.insert(name.to_owned(), PrivateCa { text, created });
        Ok(())
    }
}
