//! The products of an account: found by id or name at once, paged without copying, with a short memory of
//! how the list was.

use std::collections::{HashMap, VecDeque};
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
    /// By sequence, so oldest first.
    order: Vec<Arc<Product>>,
    by_id: HashMap<String, u64>,
    by_name: HashMap<String, Vec<u64>>,
    journal: VecDeque<Change>,
    next: u64,
}

/// One page of a list.
pub(crate) struct Page {
    pub(crate) total: usize,
    pub(crate) products: Vec<Arc<Product>>,
}

fn position(order: &[Arc<Product>], sequence: u64) -> Result<usize, usize> {
    order.binary_search_by_key(&sequence, |product| product.sequence)
}

fn cut(newest_first: impl Iterator<Item = Arc<Product>>, total: usize, offset: usize, limit: usize) -> Page {
    Page { total, products: newest_first.skip(offset).take(limit).collect() }
}

impl Store {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Product>> {
        self.by_sequence(*self.by_id.get(id)?)
    }

    fn by_sequence(&self, sequence: u64) -> Option<&Arc<Product>> {
        self.order.get(position(&self.order, sequence).ok()?)
    }

    /// The products of that name.
    pub(crate) fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Product>> + use<'a> {
        let sequences = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        sequences.iter().filter_map(|sequence| self.by_sequence(*sequence))
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> &[Arc<Product>] {
        &self.order
    }

    /// Adds a product under a fresh sequence number; its id must be free.
    pub(crate) fn insert(&mut self, mut product: Product) -> Arc<Product> {
        product.sequence = self.next;
        self.next += 1;
        let product = Arc::new(product);
        self.remember(product.sequence, None);
        self.by_id.insert(product.product_id.clone(), product.sequence);
        self.by_name.entry(product.product_name.clone()).or_default().push(product.sequence);
        self.order.push(product.clone());
        product
    }

    /// Puts a changed product in the place of the one with its sequence number.
    pub(crate) fn replace(&mut self, product: Product) -> Option<Arc<Product>> {
        let at = position(&self.order, product.sequence).ok()?;
        let product = Arc::new(product);
        let before = std::mem::replace(self.order.get_mut(at)?, product.clone());
        self.forget_names(&before);
        self.by_id.insert(product.product_id.clone(), product.sequence);
        self.by_name.entry(product.product_name.clone()).or_default().push(product.sequence);
        self.remember(before.sequence, Some(before));
        Some(product)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Arc<Product>> {
        let at = position(&self.order, *self.by_id.get(id)?).ok()?;
        let before = self.order.remove(at);
        self.forget_names(&before);
        self.remember(before.sequence, Some(before.clone()));
        Some(before)
    }

    pub(crate) fn clear(&mut self) {
        while let Some(product) = self.order.last().cloned() {
            self.remove(&product.product_id);
        }
    }

    fn forget_names(&mut self, product: &Product) {
        self.by_id.remove(&product.product_id);
        if let Some(sequences) = self.by_name.get_mut(&product.product_name) {
            sequences.retain(|sequence| *sequence != product.sequence);
            if sequences.is_empty() {
                self.by_name.remove(&product.product_name);
            }
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

    /// A page, newest first, as the list was `lag` ago. `region` restricts it.
    pub(crate) fn page(&self, offset: usize, limit: usize, region: Option<&str>, lag: Duration) -> Page {
        if lag.is_zero() && region.is_none() {
            return cut(self.order.iter().rev().cloned(), self.order.len(), offset, limit);
        }
        let mut products = if lag.is_zero() { self.order.clone() } else { self.as_of(lag) };
        if let Some(region) = region {
            products.retain(|product| product.region == region);
        }
        let total = products.len();
        cut(products.into_iter().rev(), total, offset, limit)
    }

    fn as_of(&self, lag: Duration) -> Vec<Arc<Product>> {
        let mut order = self.order.clone();
        let Some(then) = Instant::now().checked_sub(lag) else {
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

    fn product(id: &str, name: &str) -> Product {
        Product { product_id: id.to_owned(), ..Product::named(name) }
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.products.iter().map(|product| product.product_id.as_str()).collect()
    }

    #[test]
    fn pages_are_newest_first_and_cover_everything_once() {
        let mut store = Store::default();
        for n in 0..25 {
            store.insert(product(&format!("P{n:02}"), &format!("n{n}")));
        }
        store.remove("P12");
        let mut seen = Vec::new();
        for offset in [0, 10, 20, 30] {
            let page = store.page(offset, 10, None, Duration::ZERO);
            assert_eq!(page.total, 24);
            seen.extend(ids(&page).into_iter().map(str::to_owned));
        }
        assert_eq!(seen.len(), 24);
        assert_eq!(seen.first().map(String::as_str), Some("P24"));
        assert_eq!(seen.last().map(String::as_str), Some("P00"));
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    }

    #[test]
    fn names_and_ids_follow_changes() {
        let mut store = Store::default();
        let old = store.insert(product("A", "one"));
        store.insert(product("B", "one"));
        assert_eq!(store.named("one").count(), 2);
        store.replace(Product { product_name: "two".to_owned(), ..(*old).clone() });
        assert_eq!(store.named("one").count(), 1);
        assert_eq!(store.named("two").next().map(|p| p.product_id.as_str()), Some("A"));
        store.remove("A");
        assert!(store.get("A").is_none());
        assert_eq!(store.named("two").count(), 0);
        store.clear();
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn a_lagging_list_shows_the_state_of_then() {
        let mut store = Store::default();
        let a = store.insert(product("A", "one"));
        store.insert(product("B", "two"));
        store.replace(Product { product_name: "renamed".to_owned(), ..(*a).clone() });
        store.remove("B");
        store.insert(product("C", "three"));
        // The journal holds real times: all of these changes are younger than a minute, none than nothing.
        assert!(ids(&store.page(0, 10, None, Duration::from_mins(1))).is_empty());
        for change in &mut store.journal {
            if change.sequence != 2 {
                continue;
            }
            change.at = Instant::now();
        }
        let long_ago = Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        for change in store.journal.iter_mut().take(2) {
            change.at = long_ago;
        }
        let page = store.page(0, 10, None, Duration::from_secs(10));
        assert_eq!(ids(&page), ["B", "A"]);
        assert_eq!(page.products[1].product_name, "one");
        assert_eq!(ids(&store.page(0, 10, None, Duration::ZERO)), ["C", "A"]);
    }

    #[test]
    fn regions_restrict_a_page() {
        let mut store = Store::default();
        for (id, region) in [("A", "ap-guangzhou"), ("B", "ap-shanghai"), ("C", "ap-guangzhou")] {
            store.insert(Product { region: region.to_owned(), ..product(id, id) });
        }
        let page = store.page(0, 10, Some("ap-guangzhou"), Duration::ZERO);
        assert_eq!((page.total, ids(&page)), (2, vec!["C", "A"]));
    }
}
