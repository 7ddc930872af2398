//! The one writer of an account's status. It writes only when something differs.

use std::time::Duration;

use kube::api::Api;
use tokio::time::Instant;

use super::accounts::Trouble;
use crate::api::account::{NamespacedSecretRef, ProductCount};
use crate::api::condition::{READY, STALLED};
use crate::api::{Account, IotAccountStatus, Reason};
use crate::record::condition::{Truth, get, set, when};
use crate::record::{RecordError, status};

/// Counts alone are written at most this often.
const COUNTS: Duration = Duration::from_secs(30);

/// What an account's visit found.
pub struct Judged {
    /// What is wrong, if anything.
    pub trouble: Option<Trouble>,
    /// Products of the account.
    pub count: Option<ProductCount>,
    /// When the counts were last written.
    pub counted: Option<Instant>,
}

/// Writes the condition Ready and the counts. Tells whether something was written.
pub async fn write<K: Account>(api: &Api<K>, account: &K, judged: &Judged) -> Result<bool, RecordError> {
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
                "the vendor answers",
                generation,
            );
        }
        Some(trouble) => {
            let reason = trouble.reason.as_str();
            set(&mut new.conditions, READY, Truth::False, reason, &trouble.message, generation);
        }
    }
    when(&mut new.conditions, STALLED, stalled(judged), generation);
    let only_counts = new == old;
    if judged.counted.is_none_or(|at| at.elapsed() >= COUNTS) || !only_counts {
        new.products = judged.count.or(new.products);
    }
    Ok(status::write(api, account, &old, &new).await?.is_some())
}

/// An endpoint that flags forbid and a mass loss need a human at once.
fn stalled(judged: &Judged) -> Option<(&str, &str)> {
    let trouble = judged.trouble.as_ref()?;
    matches!(trouble.reason, Reason::EndpointNotAllowed | Reason::MassLoss)
        .then_some((trouble.reason.as_str(), trouble.message.as_str()))
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

/// Shows who keeps a deleted account from going.
pub async fn held_by<K: Account>(api: &Api<K>, account: &K, users: &[String]) -> Result<(), RecordError> {
    let old = account.status().cloned().unwrap_or_default();
    let mut new = old.clone();
    let generation = account.meta().generation.unwrap_or_default();
    let shown = users.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = users.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message =
        format!("deletion waits for the IotProducts that use the account: {shown}{more}; delete them first");
    // Naming the users anew on each of thousands of deletions would be a write each.
    if get(&old.conditions, READY).is_none_or(|ready| ready.reason != Reason::InUse.as_str()) {
        set(&mut new.conditions, READY, Truth::False, Reason::InUse.as_str(), &message, generation);
        status::write(api, account, &old, &new).await?;
    }
    Ok(())
}
