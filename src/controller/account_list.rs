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
use super::sweep::{Span, hint, sweep, until_list};
use crate::api::account::ConfirmedMissing;
use crate::api::{Account, CONFIRM_MISSING_ANNOTATION, Reason};
use crate::clock::since_epoch;
use crate::http::limit::Lane;
use crate::plan::Trust;
use crate::plan::loss::{Order, Sight, judge};
use crate::vendor::connection::Connection;
use crate::vendor::{Call, Class, VendorError};

/// How soon a key or account that was refused is tried again unchanged.
const REFUSED: Duration = Duration::from_mins(5);
/// The same for a place that does not serve what was asked, which costs no more than a call.
const MISPLACED: Duration = Duration::from_mins(1);
/// When the next list of an account comes that wants none.
const NEVER: Duration = Duration::from_hours(24 * 365);
/// How soon the list of an account is read again whose products are missing.
const MISSED: Duration = Duration::from_secs(30);
/// The same where some of what is missing may have been recorded after the list began.
const UNSURE: Duration = Duration::from_secs(5);
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
            let swept = sweep(ctx, &view, connection, &listing, &span);
            memory.others = Some(Arc::new(swept.others));
            let unsure = believe(account, connection, memory, &swept.sight);
            if !unsure {
                swept.missing.iter().for_each(|object| hint(ctx, object));
            }
            memory.failures = 0;
            memory.failing_since = None;
            memory.listed = Some(to);
            let next = next_turn(account, ctx).unwrap_or(NEVER);
            // What is missing may be back before that.
            let next = match &memory.trouble {
                Some(_) => next.min(MISSED),
                None if unsure => next.min(UNSURE),
                None => next,
            };
            memory.next_list = Some(Instant::now() + next);
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

/// How far the connection is believed after a list, and what is wrong if it is not. Whether that is to be seen from a
/// later list.
fn believe<K: Account>(account: &K, connection: &Connection, memory: &mut Memory, sight: &Sight) -> bool {
    let status = account.status().cloned().unwrap_or_default();
    let confirmed = memory.confirmed.clone().or(status.confirmed_missing).unwrap_or_default();
    let order = Order {
        asked: account.annotations().get(CONFIRM_MISSING_ANNOTATION).map(String::as_str),
        used: confirmed.value.as_deref(),
        outstanding: usize::try_from(confirmed.outstanding.unwrap_or(0)).unwrap_or(0),
    };
    let judged = judge(memory.trust == Trust::Shown || knows_key(account, connection), sight, &order);
    memory.trust = judged.trust;
    memory.confirmed = Some(ConfirmedMissing {
        value: judged.used,
        outstanding: i64::try_from(judged.outstanding).ok().filter(|outstanding| *outstanding > 0),
    });
    let way_out =
        judged.wanted.map(|value| format!("{CONFIRM_MISSING_ANNOTATION}={value}")).unwrap_or_default();
    memory.trouble = match judged.trust {
        Trust::Shown => None,
        Trust::NewKey => Some(format!(
            "the key is another one than before and shows none of the {} products that were recorded before it, so it may belong to another account: put the right key back, or, if they are gone, annotate the account with {way_out}; until then nothing is created through it",
            sight.owned
        )),
        Trust::MassLoss => Some(format!(
            "{} of {} products are missing from the vendor's list at once, so none is created anew, and nothing else: check key and place of the account, or, if they are gone, annotate it with {way_out}",
            sight.missing, sight.kept
        )),
    }
    .map(|message| Trouble::new(Reason::MassLoss, message));
    judged.unsure
}

/// Whether the connection's key is the one that has shown the account's products before.
pub fn knows_key<K: Account>(account: &K, connection: &Connection) -> bool {
    let known = account.status().and_then(|status| status.key_fingerprint.as_deref());
    known == Some(connection.fingerprint_for(&account.uid().unwrap_or_default()).as_str())
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
