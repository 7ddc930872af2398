//! What happens at Huawei behind the API's back: console, key management, devices.

use std::sync::Arc;

use super::account::{Account, AccountConfig, Instance, Key, User};
use super::product::Product;
use crate::admin::AdminError;
use crate::core::Core;

/// Handle for accounts and products of one simulator's Huawei.
#[derive(Clone)]
pub struct HuaweiAdmin {
    pub(crate) core: Arc<Core>,
}

impl HuaweiAdmin {
    fn account_of(&self, name: &str) -> Result<Arc<Account>, AdminError> {
        let directory = self.core.huawei.directory();
        directory.accounts.get(name).cloned().ok_or_else(|| AdminError::NoAccount(name.to_owned()))
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Vec<AccountConfig> {
        let accounts: Vec<_> = self.core.huawei.directory().accounts.values().cloned().collect();
        accounts.iter().map(|account| account.state().config.clone()).collect()
    }

    /// One account.
    pub fn account(&self, name: &str) -> Result<AccountConfig, AdminError> {
        Ok(self.account_of(name)?.state().config.clone())
    }

    /// Adds an account, or gives the one of that name other keys and settings; its products stay.
    pub fn put_account(&self, account: AccountConfig) {
        self.core.huawei.directory_mut().put(account);
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
        let found = self.core.huawei.directory_mut().set_keys(account, keys);
        if found { Ok(()) } else { Err(AdminError::NoAccount(account.to_owned())) }
    }

    /// Replaces all IAM users of an account; tokens that were given out stay good.
    pub fn set_users(&self, account: &str, users: Vec<User>) -> Result<(), AdminError> {
        self.account_of(account)?.state().config.users = users;
        Ok(())
    }

    /// Changes an instance.
    pub fn edit_instance(
        &self,
        account: &str,
        instance_id: &str,
        edit: impl FnOnce(&mut Instance),
    ) -> Result<(), AdminError> {
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        let found = state.config.instances.iter_mut().find(|found| found.instance_id == instance_id);
        found.map(edit).ok_or_else(|| AdminError::no_product(account, instance_id))
    }

    /// Has every token of an account refused with `APIG.0307`, as after a change of its user's rights.
    pub fn revoke_tokens(&self, account: &str) -> Result<usize, AdminError> {
        self.account_of(account)?;
        let mut directory = self.core.huawei.directory_mut();
        let tokens =
            directory.tokens.values_mut().filter(|(issued, owner)| owner.name == account && !issued.stale);
        Ok(tokens.map(|(issued, _)| issued.stale = true).count())
    }

    /// Refused signatures of a key in a row since it was last accepted or locked.
    pub fn failures(&self, access_key: &str) -> u32 {
        self.core.huawei.failures().of(access_key).0
    }

    /// Whether a key was locked since it was last accepted.
    pub fn was_locked(&self, access_key: &str) -> bool {
        self.core.huawei.failures().of(access_key).1
    }

    /// Ends the lock of a key and forgets its failures.
    pub fn unlock(&self, access_key: &str) {
        self.core.huawei.failures().forget(access_key);
    }

    /// All products of an account, oldest first, passwords and device counts included.
    pub fn products(&self, account: &str) -> Result<Vec<Product>, AdminError> {
        let account = self.account_of(account)?;
        let products = account.state().products.all().to_vec();
        Ok(products.iter().map(|product| Product::clone(product)).collect())
    }

    /// Number of products of an account.
    pub fn product_count(&self, account: &str) -> Result<usize, AdminError> {
        Ok(self.account_of(account)?.state().products.all().len())
    }

    /// The products of that name, oldest first.
    pub fn products_named(&self, account: &str, name: &str) -> Result<Vec<Product>, AdminError> {
        let mut products = self.products(account)?;
        products.retain(|product| product.name == name);
        Ok(products)
    }

    /// One product.
    pub fn product(&self, account: &str, id: &str) -> Result<Product, AdminError> {
        let missing = || AdminError::no_product(account, id);
        let number = id.parse().map_err(|_| missing())?;
        let found = self.account_of(account)?.state().products.get(number).map(|found| Product::clone(found));
        found.ok_or_else(missing)
    }

    /// Makes a product behind the API's back. What is empty of id, serial, instance, application, user name,
    /// password and time is filled in; nothing else is checked, so that even duplicates can be had.
    pub fn create_product(&self, account: &str, mut product: Product) -> Result<Product, AdminError> {
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        let large_ids = self.core.settings.get().huawei.large_ids;
        if product.id == 0 {
            product.id = state.products.free_id(large_ids);
        } else if state.products.get(product.id).is_some() {
            return Err(AdminError::IdTaken(product.id.to_string()));
        }
        let instances = &state.config.instances;
        if product.instance_id.is_empty() {
            product.instance_id =
                instances.first().map(|first| first.instance_id.clone()).unwrap_or_default();
        }
        if product.app_id.is_empty() {
            let instance = instances.iter().find(|instance| instance.instance_id == product.instance_id);
            let app = instance.and_then(|instance| instance.apps.first());
            product.app_id = app.map(|app| app.app_id.clone()).unwrap_or_default();
        }
        product.complete(&self.core.random, self.core.now_ms());
        Ok(Product::clone(&state.products.insert(product)))
    }

    /// Changes any member of a product behind the API's back.
    pub fn edit_product(
        &self,
        account: &str,
        id: &str,
        edit: impl FnOnce(&mut Product),
    ) -> Result<Product, AdminError> {
        let mut product = self.product(account, id)?;
        let (sequence, number) = (product.sequence, product.id);
        edit(&mut product);
        product.sequence = sequence;
        let owner = self.account_of(account)?;
        let mut state = owner.state();
        if product.id != number && state.products.get(product.id).is_some() {
            return Err(AdminError::IdTaken(product.id.to_string()));
        }
        let replaced = state.products.replace(product);
        replaced.map(|product| Product::clone(&product)).ok_or_else(|| AdminError::no_product(account, id))
    }

    /// Sets how many devices a product has.
    pub fn set_devices(&self, account: &str, id: &str, count: u64) -> Result<(), AdminError> {
        self.edit_product(account, id, |product| product.device_count = count).map(drop)
    }

    /// Removes a product behind the API's back, devices or not.
    pub fn delete_product(&self, account: &str, id: &str) -> Result<Product, AdminError> {
        let product = self.product(account, id)?;
        self.account_of(account)?.state().products.remove(product.id);
        Ok(product)
    }

    /// Removes all products of an account.
    pub fn delete_all_products(&self, account: &str) -> Result<(), AdminError> {
        for product in self.products(account)? {
            self.account_of(account)?.state().products.remove(product.id);
        }
        Ok(())
    }
}
