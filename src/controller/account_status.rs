//! The one writer of an account's status. It writes only when something differs.

use std::pin::pin;
use std::time::Duration;

use kube::api::Api;
use tokio::time::{Instant, timeout};

use super::accounts::Trouble;
use super::error::key_trouble;
use super::notice::NOTICE;
use crate::api::account::{ConfirmedMissing, NamespacedSecretRef, ProductCount};
use crate::api::condition::{READY, RECONCILING, STALLED};
use crate::api::{Account, IotAccountStatus, Reason};
use crate::record::condition::{Truth, get, set, when};
use crate::record::{RecordError, status};

/// Counts alone are written at most this often.
const COUNTS: Duration = Duration::from_secs(30);

/// What an account's visit found.
#[derive(Default)]
pub struct Judged {
    /// What is wrong, if anything.
    pub trouble: Option<Trouble>,
    /// The key or place was refused often and long enough to count as refused for good.
    pub lasting: bool,
    /// Actions that the vendor asked to leave alone for a while, although it answers.
    pub paused: Vec<&'static str>,
    /// Products of the account.
    pub count: Option<ProductCount>,
    /// When the counts were last written.
    pub counted: Option<Instant>,
    /// The check that was asked for and is done now.
    pub checked: Option<String>,
    /// Fingerprint of the key, where it has shown the account's products.
    pub key: Option<String>,
    /// What became of the last order to believe that products are gone.
    pub confirmed: Option<ConfirmedMissing>,
}

/// Writes the condition Ready and the counts. Returns the account if something was written.
pub async fn write<K: Account>(api: &Api<K>, account: &K, judged: &Judged) -> Result<Option<K>, RecordError> {
    let old = account.status().cloned().unwrap_or_default();
    let mut new = old.clone();
    let generation = account.meta().generation.unwrap_or_default();
    new.observed_generation = generation;
    match &judged.trouble {
        None => {
            set(
                &mut new.conditions,
                READY,
                Truth::True,
                Reason::Available.as_str(),
                &answers(&judged.paused),
                generation,
            );
        }
        Some(trouble) => {
            let reason = trouble.reason.as_str();
            set(&mut new.conditions, READY, Truth::False, reason, &trouble.message, generation);
        }
    }
    let trouble = judged.trouble.as_ref().map(|trouble| (trouble.reason.as_str(), trouble.message.as_str()));
    let stalled = stalled(judged);
    when(&mut new.conditions, STALLED, trouble.filter(|_| stalled), generation);
    when(&mut new.conditions, RECONCILING, trouble.filter(|_| !stalled), generation);
    new.last_handled_reconcile_at = judged.checked.clone().or(new.last_handled_reconcile_at);
    new.key_fingerprint = judged.key.clone().or(new.key_fingerprint);
    if let Some(confirmed) = &judged.confirmed {
        new.confirmed_missing =
            Some(confirmed.clone()).filter(|confirmed| *confirmed != ConfirmedMissing::default());
    }
    let only_counts = new == old;
    if judged.counted.is_none_or(|at| at.elapsed() >= COUNTS) || !only_counts {
        new.products = judged.count.or(new.products);
    }
    status::write(api, account, &old, &new).await
}

/// Waits for a list, and shows on an account without a condition that it is waited for when that lasts. Gives the account as
/// it was written for that.
pub async fn beside<K: Account, T>(
    api: &Api<K>,
    account: &K,
    listing: impl Future<Output = T>,
) -> (T, Option<K>) {
    let mut listing = pin!(listing);
    if account.status().is_some_and(|status| get(&status.conditions, READY).is_some()) {
        return (listing.await, None);
    }
    if let Ok(answered) = timeout(NOTICE, &mut listing).await {
        return (answered, None);
    }
    let showing = Box::pin(async {
        waiting(api, account).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "progress could not be shown");
            None
        })
    });
    tokio::join!(listing, showing)
}

async fn waiting<K: Account>(api: &Api<K>, account: &K) -> Result<Option<K>, RecordError> {
    let old = account.status().cloned().unwrap_or_default();
    let mut new = old.clone();
    let generation = account.meta().generation.unwrap_or_default();
    let (reason, message) =
        (Reason::Updating.as_str(), "waiting for the vendor's first answer; no action is needed");
    new.observed_generation = generation;
    set(&mut new.conditions, READY, Truth::Unknown, reason, message, generation);
    when(&mut new.conditions, RECONCILING, Some((reason, message)), generation);
    status::write(api, account, &old, &new).await
}

/// The vendor answers; what it asked to leave alone is named. Until when is not: that would be a write per answer.
fn answers(paused: &[&str]) -> String {
    if paused.is_empty() {
        return "the vendor answers".to_owned();
    }
    format!(
        "the vendor answers, but throttles {} and asked for a pause: calls of that wait, up to 10 minutes",
        paused.join(", ")
    )
}

/// An endpoint that flags forbid and a mass loss need a human at once, a key that is refused after a while.
fn stalled(judged: &Judged) -> bool {
    judged.trouble.as_ref().is_some_and(|trouble| {
        matches!(trouble.reason, Reason::EndpointNotAllowed | Reason::MassLoss)
            || (key_trouble(trouble.reason) && judged.lasting)
    })
}

/// Writes which Secrets the account holds, before it holds them.
pub async fn hold<K: Account>(
    api: &Api<K>,
    account: &K,
    held: Vec<NamespacedSecretRef>,
) -> Result<K, RecordError> {
    let old = account.status().cloned().unwrap_or_default();
    let new = IotAccountStatus { held_secrets: held, ..old.clone() };
    Ok(status::write(api, account, &old, &new).await?.unwrap_or_else(|| account.clone()))
}

/// Shows who keeps a deleted account from going. Returns the account if something was written.
pub async fn held_by<K: Account>(
    api: &Api<K>,
    account: &K,
    users: &[String],
) -> Result<Option<K>, RecordError> {
    let old = account.status().cloned().unwrap_or_default();
    let mut new = old.clone();
    let generation = account.meta().generation.unwrap_or_default();
    let shown = users.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = users.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message =
        format!("deletion waits for the IotProducts that use the account: {shown}{more}; delete them first");
    // Naming the users anew on each of thousands of deletions would be a write each: as long as one of those
    // that are named is left, they stay named.
    let said = get(&old.conditions, READY).filter(|ready| ready.reason == Reason::InUse.as_str());
    if said.is_some_and(|ready| users.iter().any(|user| ready.message.contains(user.as_str()))) {
        return Ok(None);
    }
    let reason = Reason::InUse.as_str();
    new.observed_generation = generation;
    set(&mut new.conditions, READY, Truth::False, reason, &message, generation);
    when(&mut new.conditions, STALLED, None, generation);
    when(&mut new.conditions, RECONCILING, Some((reason, &message)), generation);
    status::write(api, account, &old, &new).await
}
