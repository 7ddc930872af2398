//! The products of an account, with a short memory of how its lists were.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::product::Product;

/// List lag reaches back so far at most.
const MEMORY: Duration = Duration::from_mins(10);
/// And over so many changes.
const MEMORY_CHANGES: usize = 100_000;

struct Change {
    at: Instant,
    sequence: u64,
    before: Option<Arc<Product>>,
}

#[derive(Default)]
pub(crate) struct Store {
    /// Oldest first.
    products: BTreeMap<u64, Arc<Product>>,
    by_key: HashMap<String, u64>,
    by_name: HashMap<String, Vec<u64>>,
    journal: VecDeque<Change>,
    next: u64,
}

impl Store {
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Product>> {
        self.products.get(self.by_key.get(key)?)
    }

    /// The products of that name, oldest first.
    pub(crate) fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Product>> + use<'a> {
        let sequences = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        sequences.iter().filter_map(|sequence| self.products.get(sequence))
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Product>> {
        self.products.values()
    }

    /// Adds a product; its key must be free.
    pub(crate) fn insert(&mut self, mut product: Product) -> Arc<Product> {
        product.sequence = self.next;
        self.next += 1;
        self.put(product, None)
    }

    /// Puts a changed product in the place of the one with its sequence number.
    pub(crate) fn replace(&mut self, product: Product) -> Option<Arc<Product>> {
        let before = self.products.get(&product.sequence)?.clone();
        self.forget(&before);
        Some(self.put(product, Some(before)))
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Arc<Product>> {
        let before = self.products.remove(self.by_key.get(key)?)?;
        self.forget(&before);
        self.remember(before.sequence, Some(before.clone()));
        Some(before)
    }

    fn put(&mut self, product: Product, before: Option<Arc<Product>>) -> Arc<Product> {
        let product = Arc::new(product);
        let sequence = product.sequence;
        self.by_key.insert(product.product_key.clone(), sequence);
        self.by_name.entry(product.product_name.clone()).or_default().push(sequence);
        self.products.insert(sequence, product.clone());
        self.remember(sequence, before);
        product
    }

    fn forget(&mut self, product: &Product) {
        self.by_key.remove(&product.product_key);
        if let Some(sequences) = self.by_name.get_mut(&product.product_name) {
            sequences.retain(|sequence| *sequence != product.sequence);
        }
    }

    fn remember(&mut self, sequence: u64, before: Option<Arc<Product>>) {
        let now = Instant::now();
        self.journal.push_back(Change { at: now, sequence, before });
        while self.journal.front().is_some_and(|change| {
            self.journal.len() > MEMORY_CHANGES || now.duration_since(change.at) > MEMORY
        }) {
            self.journal.pop_front();
        }
    }

    /// The products of an instance, newest first, as the list was `lag` ago.
    pub(crate) fn list(&self, instance: &str, lag: Duration) -> Vec<Arc<Product>> {
        let mut products = self.products.clone();
        if let Some(then) = Instant::now().checked_sub(lag).filter(|_| !lag.is_zero()) {
            for change in self.journal.iter().rev().take_while(|change| change.at > then) {
                match &change.before {
                    Some(before) => products.insert(change.sequence, before.clone()),
                    None => products.remove(&change.sequence),
                };
            }
        }
        products.into_values().rev().filter(|product| product.iot_instance_id == instance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(key: &str, name: &str) -> Product {
        Product { product_key: key.to_owned(), ..Product::named(name) }
    }

    fn keys(products: &[Arc<Product>]) -> Vec<&str> {
        products.iter().map(|product| product.product_key.as_str()).collect()
    }

    #[test]
    fn names_and_keys_follow_changes_and_lists_are_newest_first() {
        let mut store = Store::default();
        let old = store.insert(product("A", "one"));
        store.insert(product("B", "one"));
        store.insert(Product { iot_instance_id: "other".to_owned(), ..product("C", "one") });
        assert_eq!(keys(&store.list("", Duration::ZERO)), ["B", "A"]);
        store.replace(Product { product_name: "two".to_owned(), ..(*old).clone() });
        assert_eq!((store.named("one").count(), store.named("two").count()), (2, 1));
        store.remove("A");
        assert!(store.get("A").is_none());
        assert_eq!(store.all().count(), 2);
    }

    #[test]
    fn a_lagging_list_shows_the_state_of_then() {
        let mut store = Store::default();
        let old = store.insert(product("A", "one"));
        store.insert(product("B", "two"));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        for change in &mut store.journal {
            change.at = long_ago;
        }
        store.replace(Product { product_name: "renamed".to_owned(), ..(*old).clone() });
        store.remove("B");
        store.insert(product("C", "three"));
        let then = store.list("", Duration::from_secs(10));
        assert_eq!(keys(&then), ["B", "A"]);
        assert_eq!(then[1].product_name, "one");
        assert_eq!(keys(&store.list("", Duration::ZERO)), ["C", "A"]);
    }
}
