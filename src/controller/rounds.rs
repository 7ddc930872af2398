//! What is done for all products by one clock: a timer for each of them would be most of what one at rest costs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::Store;
use kube::{Resource as _, ResourceExt as _};

use super::accounts::AccountId;
use super::cached::{CachedProduct, revision};
use super::claims;
use super::context::Context;
use super::requeue::{interval, turn_fell};
use super::sweep::{hint, wish};
use crate::api::Account;
use crate::clock::{now, since_epoch};
use crate::plan::diff::needs_full_read;
use crate::vendor::connection::traits;

/// How often products are counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Parts of the interval in which Secrets are looked at, so that not all come at once. The same for full reads.
const PARTS: u32 = 360;
/// The longest part.
const LONGEST_PART: Duration = Duration::from_secs(10);
/// The shortest part of the interval of full reads, which an account chooses: all products are gone through in each.
const SHORTEST_PART: Duration = Duration::from_secs(1);
/// Turns of full reads that are further back were slept through, and come at once in the next interval instead of now.
const SLEPT: Duration = Duration::from_mins(5);

/// Counts products for metrics, and forgets what the store has caught up with.
pub async fn count(ctx: Arc<Context>) {
    let mut turn = tokio::time::interval(COUNT_EVERY);
    loop {
        turn.tick().await;
        ctx.metrics.products(&super::census::products(&ctx));
        claims::settle(&ctx);
        let may_exist = |id: &AccountId| ctx.account_exists(id) || !ctx.knows_account(id);
        ctx.account_memories.keep_only(may_exist);
        ctx.accounts.keep_only(may_exist);
        settle(&ctx);
    }
}

/// Forgets of every product what the store shows as well.
fn settle(ctx: &Context) {
    if !ctx.memory.is_empty() {
        for product in ctx.products_that(|_| true) {
            let uid = product.meta().uid.as_deref().unwrap_or_default();
            ctx.memory.settle(uid, revision(&*product), product.recorded_attempt());
        }
        ctx.memory.shrink();
    }
}

/// Wakes every product at its Secret's turn.
pub async fn look_at_secrets(ctx: Arc<Context>) {
    let interval = ctx.settings.secret_check_interval;
    if interval.is_zero() {
        return std::future::pending().await;
    }
    let part = (interval / PARTS).clamp(Duration::from_millis(100), LONGEST_PART);
    let mut from = since_epoch(now());
    loop {
        tokio::time::sleep(part).await;
        let to = since_epoch(now());
        for product in ctx.products_that(|product| {
            product.product_id().is_some()
                && turn_fell(&product.uid().unwrap_or_default(), interval, from, to)
        }) {
            ctx.memory.with(&product.uid().unwrap_or_default(), |entry| entry.secret_due = true);
            ctx.wake_product(&product);
        }
        from = to;
    }
}

/// When the products of an account are read in full.
#[derive(Clone, Copy)]
struct FullReads {
    every: Duration,
    /// Products without an interval of their own are compared.
    compares: bool,
    /// Products with one are.
    compares_others: bool,
}

/// Has every product read in full once in its account's `fullReadInterval`, if its manifest names what no list shows. Each
/// has a turn of its own, so that neither a list nor a restart brings many reads at once.
pub async fn read_in_full(ctx: Arc<Context>) {
    let mut from = since_epoch(now());
    loop {
        let shortest = accounts(&ctx).values().map(|account| account.every).min();
        let part = shortest.map_or(LONGEST_PART, |every| every / PARTS);
        tokio::time::sleep(part.clamp(SHORTEST_PART, LONGEST_PART)).await;
        let to = since_epoch(now());
        let accounts = accounts(&ctx);
        let since = from.max(to.saturating_sub(SLEPT));
        for product in ctx.products_that(|product| is_due(product, &accounts, since, to)) {
            let wish = wish(&product.open(), traits(product.vendor));
            if wish.is_some_and(|wish| needs_full_read(&wish, traits(product.vendor))) {
                hint(&ctx, &product);
            }
        }
        from = to;
    }
}

fn is_due(
    product: &CachedProduct,
    accounts: &HashMap<AccountId, FullReads>,
    from: Duration,
    to: Duration,
) -> bool {
    if accounts.is_empty() || product.product_id().is_none() || product.suspended || product.deleting() {
        return false;
    }
    let Some(account) = accounts.get(&product.account_id()) else { return false };
    let compared = match product.resync {
        None => account.compares,
        Some(own) => account.compares_others && !own.is_zero(),
    };
    compared && turn_fell(product.meta().uid.as_deref().unwrap_or_default(), account.every, from, to)
}

/// The accounts whose products are read in full. While an account is in trouble none is: whoever reads fails, and all
/// would do so again as soon as it is over.
fn accounts(ctx: &Context) -> HashMap<AccountId, FullReads> {
    let mut found = HashMap::new();
    for scope in &ctx.scopes {
        for account in scope.accounts.state() {
            note(ctx, &*account, &mut found);
        }
        for account in scope.cluster_accounts.iter().flat_map(Store::state) {
            note(ctx, &*account, &mut found);
        }
    }
    found
}

fn note<K: Account>(ctx: &Context, account: &K, found: &mut HashMap<AccountId, FullReads>) {
    let view = account.view();
    let id = AccountId::from_view(&view);
    let usable =
        ctx.accounts.get(&id).is_some_and(|state| state.connection.is_some() && state.trouble.is_none());
    let every = interval(view.settings.full_read_interval(), ctx.settings.min_resync_interval, None);
    if usable && !every.is_zero() {
        let compares = !view.settings.resync_interval().is_zero();
        // In an account that namespaces share, no product is compared where the account says never.
        let compares_others = compares || view.namespace.is_some();
        found.insert(id, FullReads { every, compares, compares_others });
    }
}
