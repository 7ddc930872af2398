//! What happens at Alibaba behind the API's back: console, billing, key management.

use std::sync::Arc;

use super::account::{Account, AccountConfig, Key};
use super::actions::free_key;
use super::product::Product;
use crate::admin::AdminError;
use crate::core::Core;

/// Handle for accounts and products of one simulator's Alibaba.
#[derive(Clone)]
pub struct AlibabaAdmin {
    pub(crate) core: Arc<Core>,
}

impl AlibabaAdmin {
    fn account_of(&self, name: &str) -> Result<Arc<Account>, AdminError> {
        let directory = self.core.alibaba.directory();
        directory.accounts.get(name).cloned().ok_or_else(|| AdminError::NoAccount(name.to_owned()))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Vec<AccountConfig> {
        let accounts: Vec<_> = self.core.alibaba.directory().accounts.values().cloned().collect();
        accounts.iter().map(|account| account.state().config.clone()).collect()
    }

    /// One account.
    pub fn account(&self, name: &str) -> Result<AccountConfig, AdminError> {
        Ok(self.account_of(name)?.state().config.clone())
    }

    /// Adds an account, or gives the one of that name other keys and settings; its products stay.
    pub fn put_account(&self, account: AccountConfig) {
        self.core.alibaba.directory_mut().put(account);
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
        self.edit_account(account, |config| config.keys = keys).map(drop)
    }

    /// Lets a bill be overdue: every call of the service is refused.
    pub fn set_overdue(&self, account: &str, overdue: bool) -> Result<(), AdminError> {
        self.edit_account(account, |config| config.overdue = overdue).map(drop)
    }

    /// Sets how many products an instance may have.
    pub fn set_product_limit(&self, account: &str, limit: usize) -> Result<(), AdminError> {
        self.edit_account(account, |config| config.product_limit = limit).map(drop)
    }

    /// All products of an account, oldest first, in all of its instances.
    pub fn products(&self, account: &str) -> Result<Vec<Product>, AdminError> {
        let account = self.account_of(account)?;
        let state = account.state();
        Ok(state.products.all().map(|product| Product::clone(product)).collect())
    }

    /// Number of products of an account.
    pub fn product_count(&self, account: &str) -> Result<usize, AdminError> {
        Ok(self.account_of(account)?.state().products.all().count())
    }

    /// The products of that name, oldest first.
    pub fn products_named(&self, account: &str, name: &str) -> Result<Vec<Product>, AdminError> {
        let account = self.account_of(account)?;
        let state = account.state();
        Ok(state.products.named(name).map(|product| Product::clone(product)).collect())
    }

    /// One product.
    pub fn product(&self, account: &str, key: &str) -> Result<Product, AdminError> {
        let found =
            self.account_of(account)?.state().products.get(key).map(|product| Product::clone(product));
        found.ok_or_else(|| AdminError::no_product(account, key))
    }

    /// Makes a product behind the API's back. An empty key, secret, instance and time are filled in; nothing
    /// else is checked, so that names of the console and even duplicates can be had.
    pub fn create_product(&self, account: &str, mut product: Product) -> Result<Product, AdminError> {
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        if product.product_key.is_empty() {
            product.product_key = free_key(&state, &self.core.random);
        } else if state.products.get(&product.product_key).is_some() {
            return Err(AdminError::IdTaken(product.product_key));
        }
        if product.product_secret.is_empty() {
            product.product_secret = self.core.random.mixed(16);
        }
        if product.iot_instance_id.is_empty() {
            let first = state.config.instances.first();
            product.iot_instance_id = first.map(|instance| instance.id.clone()).unwrap_or_default();
        }
        if product.gmt_create == 0 {
            product.gmt_create = self.core.now_ms();
        }
        Ok(Product::clone(&state.products.insert(product)))
    }

    /// Changes any member of a product behind the API's back.
    pub fn edit_product(
        &self,
        account: &str,
        key: &str,
        edit: impl FnOnce(&mut Product),
    ) -> Result<Product, AdminError> {
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        let missing = || AdminError::no_product(account, key);
        let mut product =
            state.products.get(key).map(|product| Product::clone(product)).ok_or_else(missing)?;
        let sequence = product.sequence;
        edit(&mut product);
        product.sequence = sequence;
        if product.product_key != key && state.products.get(&product.product_key).is_some() {
            return Err(AdminError::IdTaken(product.product_key));
        }
        let product = state.products.replace(product).ok_or_else(missing)?;
        Ok(Product::clone(&product))
    }

    /// Sets how many devices a product has.
    pub fn set_devices(&self, account: &str, key: &str, count: u64) -> Result<(), AdminError> {
        self.edit_product(account, key, |product| product.device_count = count).map(drop)
    }

    /// Removes a product behind the API's back, devices or not.
    pub fn delete_product(&self, account: &str, key: &str) -> Result<Product, AdminError> {
        let removed = self.account_of(account)?.state().products.remove(key);
        let product = removed.ok_or_else(|| AdminError::no_product(account, key))?;
        Ok(Product::clone(&product))
    }

    /// Removes all products of an account.
    pub fn delete_all_products(&self, account: &str) -> Result<(), AdminError> {
        for product in self.products(account)? {
            self.account_of(account)?.state().products.remove(&product.product_key);
        }
        Ok(())
    }
}
