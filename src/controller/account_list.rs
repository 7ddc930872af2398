//! An account's list: its cheap real call, its drift check, and when the next one comes.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use tokio::time::Instant;
use tracing::debug;

use super::account_memory::{Memory, RETRY};
use super::accounts::{AccountId, Trouble, like};
use super::context::Context;
use super::error::{KEY_SPREADS, reason_of};
use super::reconcile::chain;
use super::sweep::{Span, sweep, until_list};
use crate::api::{Account, CONFIRM_MISSING_ANNOTATION, Reason};
use crate::clock::since_epoch;
use crate::http::limit::Lane;
use crate::vendor::connection::Connection;
use crate::vendor::{Call, Class, VendorError};

/// How soon a key or account that was refused is tried again unchanged.
const REFUSED: Duration = Duration::from_mins(5);
/// The same for a place that does not serve what was asked, which costs no more than a call.
const MISPLACED: Duration = Duration::from_mins(1);
/// When the next list of an account comes that wants none.
const NEVER: Duration = Duration::from_hours(24 * 365);
/// The longest that a vendor's hint when to come back is followed.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// How long until the next list is due by the clock.
pub fn next_turn<K: Account>(account: &K, ctx: &Context) -> Option<Duration> {
    let now = since_epoch(crate::clock::now());
    until_list(ctx, &account.view(), &account.uid().unwrap_or_default(), now)
}

/// The account's cheap real call and its sweep are the same list. Tells whether the vendor was asked.
pub async fn list<K: Account>(
    account: &K,
    id: &AccountId,
    ctx: &Context,
    connection: &Connection,
    memory: &mut Memory,
) -> bool {
    let view = account.view();
    let call = Call::within(Lane::Drift, ctx.settings.vendor_timeout);
    memory.attempted = Some(Instant::now());
    let now = crate::clock::now();
    let to = since_epoch(now);
    match connection.inventory.list(&connection.cloud, now, call).await {
        Ok(listing) => {
            let span = Span { first: memory.listed.is_none(), from: memory.listed.unwrap_or(to), to };
            let confirmed =
                account.annotations().get(CONFIRM_MISSING_ANNOTATION).and_then(|number| number.parse().ok());
            let swept = sweep(ctx, &view, connection, &listing, &span, confirmed);
            memory.others = Some(Arc::new(swept.others));
            memory.trouble = swept.mass_loss;
            memory.failures = 0;
            memory.failing_since = None;
            memory.listed = Some(to);
            memory.next_list = Some(Instant::now() + next_turn(account, ctx).unwrap_or(NEVER));
            true
        }
        Err(error) => {
            let first = memory.failures == 0;
            memory.failures = memory.failures.saturating_add(1);
            memory.failing_since.get_or_insert_with(Instant::now);
            let retry = refused(&error, first);
            debug!(error = %chain(&*error), %id, "the account's list failed");
            let trouble = Some(Trouble::of(&error));
            if !like(memory.trouble.as_ref(), trouble.as_ref()) {
                memory.trouble = trouble;
            }
            let after = error.retry_after.unwrap_or(retry).clamp(Duration::from_secs(1), LONGEST_WAIT);
            memory.next_list = Some(Instant::now() + after);
            !matches!(error.class, Class::Busy | Class::NotLeader)
        }
    }
}

fn refused(error: &VendorError, first: bool) -> Duration {
    match reason_of(error.class, false) {
        Reason::Throttled | Reason::VendorUnavailable | Reason::ClockSkew | Reason::Creating => RETRY,
        // A key is not tried often: a vendor may lock it. Anything else refused once may be a gateway's mood.
        Reason::CredentialsInvalid if first => KEY_SPREADS,
        _ if first => RETRY,
        Reason::EndpointMisconfigured => MISPLACED,
        _ => REFUSED,
    }
}
