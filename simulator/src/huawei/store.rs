//! The products of an account, with a short memory of how they were for lists that lag.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::product::Product;

/// List lag reaches back so far at most.
const MEMORY: Duration = Duration::from_mins(10);
/// And over so many changes.
const MEMORY_CHANGES: usize = 100_000;
/// The first id beyond what a float tells apart.
const LARGE: i64 = 9_007_199_254_740_993;
/// The first id otherwise.
const SMALL: i64 = 120_671;

struct Change {
    at: Instant,
    sequence: u64,
    before: Option<Arc<Product>>,
}

#[derive(Default)]
pub(crate) struct Store {
    /// By sequence, so oldest first.
    order: Vec<Arc<Product>>,
    journal: VecDeque<Change>,
    next: u64,
}

fn position(order: &[Arc<Product>], sequence: u64) -> Result<usize, usize> {
    order.binary_search_by_key(&sequence, |product| product.sequence)
}

impl Store {
    pub(crate) fn get(&self, id: i64) -> Option<&Arc<Product>> {
        self.order.iter().find(|product| product.id == id)
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> &[Arc<Product>] {
        &self.order
    }

    /// An id that was never used.
    pub(crate) fn free_id(&self, large: bool) -> i64 {
        let base = if large { LARGE } else { SMALL };
        let mut id = base.saturating_add(i64::try_from(self.next).unwrap_or_default());
        while self.get(id).is_some() {
            id += 1;
        }
        id
    }

    /// Adds a product under a fresh sequence number; its id must be free.
    pub(crate) fn insert(&mut self, mut product: Product) -> Arc<Product> {
        product.sequence = self.next;
        self.next += 1;
        let product = Arc::new(product);
        self.order.push(product.clone());
        self.remember(product.sequence, None);
        product
    }

    /// Puts a product in the place of the one with its sequence number.
    pub(crate) fn replace(&mut self, product: Product) -> Option<Arc<Product>> {
        let at = position(&self.order, product.sequence).ok()?;
        let product = Arc::new(product);
        let before = std::mem::replace(self.order.get_mut(at)?, product.clone());
        self.remember(before.sequence, Some(before));
        Some(product)
    }

    pub(crate) fn remove(&mut self, id: i64) -> Option<Arc<Product>> {
        let at = self.order.iter().position(|product| product.id == id)?;
        let before = self.order.remove(at);
        self.remember(before.sequence, Some(before.clone()));
        Some(before)
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

    /// All products, oldest first, as they were `lag` ago.
    pub(crate) fn as_of(&self, lag: Duration) -> Vec<Arc<Product>> {
        let mut order = self.order.clone();
        let Some(then) = Instant::now().checked_sub(lag).filter(|_| !lag.is_zero()) else {
            return order;
        };
        for change in self.journal.iter().rev().take_while(|change| change.at > then) {
            match (position(&order, change.sequence), &change.before) {
                (Ok(at), Some(before)) => order[at] = before.clone(),
                (Ok(at), None) => drop(order.remove(at)),
                (Err(at), Some(before)) => order.insert(at, before.clone()),
                (Err(_), None) => {}
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_used_twice() {
        let mut store = Store::default();
        let first = store.insert(Product { id: store.free_id(true), ..Product::named("a") });
        assert_eq!(first.id, LARGE);
        store.remove(first.id);
        assert_eq!(store.free_id(true), LARGE + 1);
        assert_eq!(store.free_id(false), SMALL + 1);
    }

    #[test]
    fn a_lagging_list_shows_the_state_of_then() {
        let mut store = Store::default();
        let a = store.insert(Product { id: 1, ..Product::named("one") });
        store.replace(Product { name: "renamed".to_owned(), ..(*a).clone() });
        store.insert(Product { id: 2, ..Product::named("two") });
        store.remove(1);
        assert!(store.as_of(Duration::from_mins(1)).is_empty());
        let names =
            |lag| -> Vec<String> { store.as_of(lag).iter().map(|product| product.name.clone()).collect() };
        assert_eq!(names(Duration::ZERO), ["two"]);
        let long_ago = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        for change in store.journal.iter_mut().take(2) {
            change.at = long_ago;
        }
        let then: Vec<String> =
            store.as_of(Duration::from_secs(10)).iter().map(|product| product.name.clone()).collect();
        assert_eq!(then, ["renamed"]);
    }
}
