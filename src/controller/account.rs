//! The accounts' own reconcile: key, connection, a real call, drift by list, and the Secret that is held.
//! One code path for both kinds of account.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::api::core::Secret;
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::controller::Action;
use tokio::time::{Instant, timeout};
use tracing::{Instrument, debug, info_span};

use super::account_key::connection;
use super::account_list::{knows_key, list, next_turn};
use super::account_memory::{Memory, Version};
use super::account_status::{self, Judged};
use super::accounts::{AccountId, AccountState, Trouble};
use super::cached::revision;
use super::context::Context;
use super::credentials;
use super::error::{REFUSED_WRITE, lasts};
use super::hold;
use super::reconcile::chain;
use super::reports;
use crate::api::account::{NamespacedSecretRef, ProductCount};
use crate::api::{ACCOUNT_FINALIZER, Account, AccountView, REQUESTED_AT_ANNOTATION, Reason};
use crate::plan::Trust;
use crate::record::{RecordError, ledger};
use crate::vendor::connection::SharedBudget;

/// How often the credentials Secret is looked at: a new key is in use within this. It is a read by name;
/// Secrets are never watched.
const KEY_CHECK: Duration = Duration::from_secs(15);
/// What is deleted within this time counts as deleted together: a credentials Secret is let go only when nothing
/// that needs it has followed it.
const TOGETHER: Duration = Duration::from_secs(5);
/// How long a visit waits for the products to be known.
const PRODUCTS_LISTED: Duration = Duration::from_secs(1);
/// How soon an account is looked at again that is not as the store shows it, or while the products are not known.
const STORES_FILL: Duration = Duration::from_millis(100);
/// How long a list is kept for those who were told to look at it.
const LIST_KEPT: Duration = Duration::from_mins(1);

/// A pause that a vendor asks for and that lasts longer is shown.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// Visits one account. Never fails: a failure is status and a delay.
pub async fn reconcile<K: Account>(account: Arc<K>, ctx: Arc<Context>) -> Result<Action, Infallible> {
    let span =
        info_span!("account", kind = %K::KIND, namespace = account.namespace(), name = account.name_any());
    let id = AccountId::from_view(&account.view());
    if timeout(PRODUCTS_LISTED, ctx.products_known(&id)).await != Ok(true) {
        // A deleted account and its key would be let go although products need them.
        return Ok(Action::requeue(STORES_FILL));
    }
    let visited = visit(&*account, &id, &ctx).instrument(span.clone()).await;
    let after = match visited {
        Ok(after) => after,
        Err(error) => {
            span.in_scope(|| debug!(error = %chain(&error), "the account's visit ended early"));
            ctx.account_memories.doubt(&id);
            Some(match &error {
                RecordError::Conflict { .. } => STORES_FILL,
                RecordError::Refused { .. } => say_refused(&*account, &id, &ctx, &error).await,
                _ => ctx.account_memories.failed(&id),
            })
        }
    };
    Ok(after.map_or_else(Action::await_change, Action::requeue))
}

async fn visit<K: Account>(
    account: &K,
    id: &AccountId,
    ctx: &Context,
) -> Result<Option<Duration>, RecordError> {
    let api = K::api(ctx.client.clone(), account.namespace().as_deref());
    let mut memory = ctx.account_memories.recall(id);
    let Some(account) = current(account, &api, &memory).await? else { return Ok(None) };
    if account.meta().deletion_timestamp.is_some() {
        return finish(&account, &api, id, ctx, memory).await;
    }
    let view = account.view();
    let secrets = ctx.secrets(view.credentials.namespace);
    let secret = secrets
        .get_opt(view.credentials.name)
        .await
        .map_err(|error| RecordError::of_write("reading the credentials Secret", error))?;
    let mut account =
        hold_secret(&account, &api, id, ctx, secret.as_ref(), &mut memory.secret_ending).await?;
    connect(&account, ctx, secret.as_ref(), &mut memory);
    publish(ctx, id, &account, &memory, true);
    // A product may have been given an interval of its own meanwhile.
    if let (Some(_), None, Some(turn)) = (memory.listed, &memory.trouble, next_turn(&account, ctx)) {
        memory.next_list = memory.next_list.map(|at| at.min(Instant::now() + turn));
    }
    let mut asked = asked(&account);
    if let Some(connection) = memory.connection.clone()
        && (memory.due() || asked.is_some())
    {
        let listing = list(&account, id, ctx, &connection, &mut memory);
        let (answered, shown) = account_status::beside(&api, &account, listing).await;
        account = shown.unwrap_or(account);
        asked = asked.filter(|_| answered);
        publish(ctx, id, &account, &memory, false);
    }
    if let Some(connection) = &memory.connection {
        connection.inventory.forget(crate::clock::now() - LIST_KEPT);
    }
    let count = memory.others.as_ref().map(|others| counted(ctx, &account.view(), others));
    let lasting = lasts(memory.failures, memory.failing_since.map_or(Duration::ZERO, |at| at.elapsed()));
    let paused = memory.budget.get().map(|budget| budget.paused(LONG_PAUSE)).unwrap_or_default();
    let judged = Judged {
        trouble: memory.trouble.clone(),
        lasting,
        paused,
        count,
        counted: memory.counted,
        checked: asked,
        key: shown_key(&account, &memory),
        confirmed: memory.confirmed.clone(),
    };
    let written = account_status::write(&api, &account, &judged).await;
    if let Ok(Some(written)) = &written {
        account = written.clone();
        memory.counted = Some(Instant::now());
    }
    memory.written = revision(&account);
    // What the vendor answered is known, whether it can be shown or not.
    let memory = ctx.account_memories.keep(id, memory);
    written?;
    ctx.account_memories.succeeded(id);
    ctx.unwritable.forget(account.meta().uid.as_deref().unwrap_or_default());
    let next = memory.next_list.map_or(KEY_CHECK, |at| at.saturating_duration_since(Instant::now()));
    let next = if memory.secret_ending.is_some() { next.min(TOGETHER) } else { next };
    Ok(Some(next.min(KEY_CHECK).max(Duration::from_millis(10))))
}

/// The fingerprint of the key that has shown the account's products.
fn shown_key<K: Account>(account: &K, memory: &Memory) -> Option<String> {
    let connection =
        memory.connection.as_ref().filter(|_| memory.trust == Trust::Shown && memory.listed.is_some())?;
    Some(connection.fingerprint_for(&account.uid().unwrap_or_default()))
}

/// The cluster refuses a write: the account says so, and so do products that have no connection without it.
async fn say_refused<K: Account>(
    account: &K,
    id: &AccountId,
    ctx: &Context,
    error: &RecordError,
) -> Duration {
    let api = K::api(ctx.client.clone(), account.namespace().as_deref());
    let mut memory = ctx.account_memories.recall(id);
    let Ok(Some(account)) = current(account, &api, &memory).await else { return KEY_CHECK };
    let ends = account.meta().deletion_timestamp.is_some();
    let reason = if ends { Reason::Deleting } else { Reason::Updating };
    let trouble = Some(Trouble::new(reason, format!("{error}; {REFUSED_WRITE}")));
    memory.trouble.clone_from(&trouble);
    if memory.connection.is_none() {
        publish(ctx, id, &account, &memory, false);
    }
    let judged = Judged { trouble, counted: memory.counted, ..Judged::default() };
    match account_status::write(&api, &account, &judged).await {
        Ok(_) => {}
        Err(error @ RecordError::Refused { .. }) => {
            reports::status_refused(ctx, K::KIND.as_str(), &account, &error).await;
        }
        Err(error) => debug!(error = %chain(&error), %id, "the refusal could not be shown"),
    }
    KEY_CHECK
}

/// The account as it is: the store may lag behind our own writes, and a write by an old version is refused.
async fn current<K: Account>(account: &K, api: &Api<K>, memory: &Memory) -> Result<Option<K>, RecordError> {
    if revision(account) >= memory.written {
        return Ok(Some(account.clone()));
    }
    let found = api.get_opt(&account.name_any()).await;
    let found = found.map_err(|error| RecordError::of("reading the account", error))?;
    Ok(found.filter(|found| found.uid() == account.uid()))
}

/// The check that was asked for and not carried out yet.
fn asked<K: Account>(account: &K) -> Option<String> {
    let asked = account.annotations().get(REQUESTED_AT_ANNOTATION)?;
    let handled = account.status().and_then(|status| status.last_handled_reconcile_at.as_ref());
    (handled != Some(asked)).then(|| asked.clone())
}

/// Products of the account now: ours as they are recorded, the others as the last list showed them.
fn counted(ctx: &Context, view: &AccountView<'_>, others: &HashSet<String>) -> ProductCount {
    let id = AccountId::from_view(view);
    let managed = ctx.products_of(&id).iter().filter(|product| product.product_id().is_some()).count();
    // Recorded since the list, or by an object that names another account of the same vendor account.
    let recorded = ctx.recorded_among(&id, others);
    let (ours, elsewhere): (Vec<_>, Vec<_>) = recorded.into_iter().partition(|product| product.is_of(&id));
    let listed = others.len().saturating_sub(ours.len());
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    ProductCount {
        managed: number(managed),
        total: number(managed + listed),
        unmanaged: number(listed.saturating_sub(elsewhere.len())),
    }
}

/// First the account says which Secrets it holds, then it holds them, before any product's first ledger;
/// what it does not name any more it lets go.
async fn hold_secret<K: Account>(
    account: &K,
    api: &Api<K>,
    id: &AccountId,
    ctx: &Context,
    secret: Option<&Secret>,
    ending: &mut Option<Instant>,
) -> Result<K, RecordError> {
    let credentials = account.view().credentials;
    let named = NamespacedSecretRef {
        namespace: credentials.namespace.to_owned(),
        name: credentials.name.to_owned(),
    };
    let held = account.status().map(|status| status.held_secrets.clone()).unwrap_or_default();
    let mut account = account.clone();
    if let Some(held) = ledger::set_finalizer(api, &account, ACCOUNT_FINALIZER, true).await? {
        account = held;
    }
    if held != [named.clone()] {
        let mut union = held.clone();
        if !union.contains(&named) {
            union.push(named.clone());
        }
        account = account_status::hold(api, &account, union).await?;
    }
    if let Some(secret) = secret {
        let secrets = ctx.secrets(&named.namespace);
        if secret.metadata.deletion_timestamp.is_none() {
            *ending = None;
            // What does not serve as a key is somebody else's.
            if credentials::serves(&account.view(), secret).is_ok() {
                hold::hold(&secrets, secret).await?;
            }
        } else if ending.get_or_insert_with(Instant::now).elapsed() >= TOGETHER
            && hold::deleted_alone(ctx, secret).await?
        {
            ledger::set_finalizer(&secrets, secret, crate::api::IN_USE_FINALIZER, false).await?;
        }
    }
    let stale: Vec<_> = held.iter().filter(|old| **old != named).collect();
    for old in &stale {
        hold::release(ctx, old, id).await?;
    }
    if !stale.is_empty() {
        account = account_status::hold(api, &account, vec![named]).await?;
    }
    Ok(account)
}

/// Makes the connection anew when the account or its key changed.
fn connect<K: Account>(account: &K, ctx: &Context, secret: Option<&Secret>, memory: &mut Memory) {
    let version = Version {
        uid: account.uid(),
        generation: account.meta().generation,
        secret: secret.map(credentials::version),
    };
    if memory.version.as_ref() == Some(&version) {
        return;
    }
    if memory.version.as_ref().is_none_or(|before| before.uid != version.uid) {
        memory.budget = SharedBudget::default();
    }
    memory.version = Some(version);
    memory.next_list = None;
    memory.failures = 0;
    memory.failing_since = None;
    match connection(&account.view(), ctx, secret, &memory.budget) {
        Ok(connection) => {
            let known = knows_key(account, &connection)
                || memory.trust == Trust::Shown
                    && memory.connection.as_ref().is_some_and(|before| before.name() == connection.name());
            memory.trust = if known { Trust::Shown } else { Trust::NewKey };
            memory.connection = Some(Arc::new(connection));
            memory.trouble = None;
            memory.listed = None;
        }
        Err(trouble) => {
            memory.connection = None;
            memory.trouble = Some(trouble);
            // Trying again what the settings themselves say would find nothing new.
            memory.failures = 2;
            memory.failing_since = Some(Instant::now());
        }
    }
}

/// An account left the store: nothing of it is used any more, whoever took its finalizer off, and a key that was taken
/// away with it signs nothing more.
pub fn left<K: Account>(account: &K, ctx: &Arc<Context>) {
    let id = AccountId::from_view(&account.view());
    ctx.accounts.remove(&id);
    ctx.unwritable.forget(account.meta().uid.as_deref().unwrap_or_default());
    ctx.accounts.forget_done(account.meta().uid.as_deref().unwrap_or_default());
    ctx.account_memories.forget(&id);
    for product in ctx.products_that(|product| product.is_of(&id)) {
        ctx.wake_product(&product);
    }
}

/// Tells products the account's state and wakes those of it that wait or differ. Before the first answer of
/// a new connection, products wait for it.
fn publish<K: Account>(ctx: &Context, id: &AccountId, account: &K, memory: &Memory, before_list: bool) {
    if before_list && memory.connection.is_some() && memory.listed.is_none() && memory.trouble.is_none() {
        return;
    }
    let view = account.view();
    let state = AccountState {
        vendor: view.settings.vendor,
        adoption: view.adoption,
        connection: memory.connection.clone(),
        trust: memory.trust,
        trouble: memory.trouble.clone(),
        closing: account.meta().deletion_timestamp.is_some(),
    };
    if !ctx.account_exists(id) {
        return;
    }
    let change = ctx.accounts.set(id.clone(), state);
    for product in ctx.products_that(|product| change.is_seen_by(product) && product.is_of(id)) {
        ctx.wake_product(&product);
    }
}

/// An account that is being deleted waits for its products, lets its Secrets go, and its finalizer last.
async fn finish<K: Account>(
    account: &K,
    api: &Api<K>,
    id: &AccountId,
    ctx: &Context,
    mut memory: Memory,
) -> Result<Option<Duration>, RecordError> {
    if !account.finalizers().iter().any(|f| f == ACCOUNT_FINALIZER) {
        ctx.accounts.remove(id);
        return Ok(None);
    }
    ctx.accounts.close(id);
    let users = hold::users(ctx, id).await?;
    if !users.is_empty() {
        // The products that need it may still have to be deleted at the vendor: the connection stays.
        let view = account.view();
        let secrets = ctx.secrets(view.credentials.namespace);
        let secret = secrets
            .get_opt(view.credentials.name)
            .await
            .map_err(|error| RecordError::of_write("reading the credentials Secret", error))?;
        connect(account, ctx, secret.as_ref(), &mut memory);
        publish(ctx, id, account, &memory, false);
        // Asked for by a product's failure, or because the last answer was one: nothing else learns that the
        // vendor lets the deletions happen again.
        if let Some(connection) = memory.connection.clone().filter(|_| memory.next_list.is_some())
            && memory.due()
        {
            list(account, id, ctx, &connection, &mut memory).await;
            publish(ctx, id, account, &memory, false);
        }
        let written = account_status::held_by(api, account, &users).await?;
        memory.written = revision(written.as_ref().unwrap_or(account));
        ctx.account_memories.keep(id, memory);
        ctx.account_memories.succeeded(id);
        return Ok(Some(Duration::from_secs(2)));
    }
    // Said before it is asked who else needs the Secrets: of accounts that end together, the last lets them go.
    ctx.accounts.done(&account.uid().unwrap_or_default());
    for held in account.status().map(|status| status.held_secrets.clone()).unwrap_or_default() {
        hold::release(ctx, &held, id).await?;
    }
    ledger::set_finalizer(api, account, ACCOUNT_FINALIZER, false).await?;
    ctx.accounts.remove(id);
    ctx.account_memories.forget(id);
    Ok(None)
}
