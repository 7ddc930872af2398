//! What is done for all products by one clock: a timer for each of them would be most of what one at rest costs.

use std::sync::Arc;
use std::time::Duration;

use kube::{Resource as _, ResourceExt as _};

use super::accounts::AccountId;
use super::cached::revision;
use super::claims;
use super::context::Context;
use super::requeue::turn_fell;
use crate::clock::{now, since_epoch};

/// How often products are counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Parts of the interval in which Secrets are looked at, so that not all come at once.
const PARTS: u32 = 360;

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
    let part = (interval / PARTS).clamp(Duration::from_millis(100), Duration::from_secs(10));
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
