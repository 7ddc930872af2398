//! What many accounts can take together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const ACCOUNTS: usize = 12;
const PRODUCTS: usize = 500;
/// Less than half of what the lists of all accounts take.
const LISTS: usize = 4 * 1024 * 1024;

/// A list whose products have long texts.
fn long(dialect: &Dialect) -> impl Fn(&Seen) -> Say + Send + Sync + 'static {
    let (list, product, page) = (dialect.list, dialect.product, dialect.page);
    let (total, text) = (PRODUCTS, "温".repeat(30));
    let pages: Vec<String> = (0..=total / page)
        .map(|number| {
            let ids = number * page..((number + 1) * page).min(total);
            let entries: Vec<_> =
                ids.map(|id| product(&(100_000 + id).to_string(), &text, &text).to_string()).collect();
            list(total as u64, &entries.join(","))
        })
        .collect();
    move |seen| Say::ok(pages.get(page_of(seen, page)).cloned().unwrap_or_default())
}

#[tokio::test]
async fn the_lists_of_all_accounts_fit_into_the_memory_of_lists() {
    for dialect in dialects() {
        let server = Server::start(long(&dialect)).await;
        let memory = Arc::new(Memory::of_lists(LISTS));
        let most = AtomicUsize::new(0);
        let accounts: Vec<_> = (0..ACCOUNTS).map(|_| dialect.connect(&server, &memory)).collect();
        let lists = accounts.iter().map(|account| async {
            let begun = crate::clock::now();
            let listed = account.inventory.list(&account.cloud, begun, call()).await;
            most.fetch_max(memory.lists.used(), Ordering::Relaxed);
            match listed {
                Ok(listing) => assert_eq!(listing.products.len(), PRODUCTS),
                Err(error) => assert!(error.message.contains("too much memory"), "{error}"),
            }
        });
        futures::future::join_all(lists).await;
        let kept = accounts.iter().filter(|account| account.inventory.latest().is_some()).count();
        // Some were let go to make room, and many are still there.
        assert!((1..ACCOUNTS).contains(&kept), "{}: {kept}", dialect.name());
        assert!(most.load(Ordering::Relaxed) <= LISTS, "{}", dialect.name());
        drop(accounts);
        assert_eq!(memory.lists.used(), 0, "{}", dialect.name());
    }
}
