//! The last stage: status, from what the visit ended with. The only writer of an `IotProduct`'s status
//! besides the id.

use std::borrow::Cow;
use std::time::Duration;

use kube::ResourceExt;

use super::connect::Link;
use super::error::{Verdict, stalls};
use super::memory::Entry;
use super::notice::show_on_changed;
use super::outcome::{Outcome, Settled};
use super::reports;
use super::requeue::wait;
use super::visit::Visit;
use crate::api::condition::{DRIFTED, READY, RECONCILING, STALLED, SUSPENDED};
use crate::api::product::status::{Drift as ApiDrift, SecretRef};
use crate::api::{Condition, FORCE_FORGET_ANNOTATION, IotProductStatus, Reason};
use crate::plan::Wait;
use crate::plan::diff::{Drift, OWNERSHIP};
use crate::record::condition::{Truth, get, set, when};
use crate::record::observed::to_status;
use crate::record::{RecordError, status};
use crate::vendor::connection::traits;
use crate::vendor::{Cloud, Observed, Traits};

/// An object younger than this shows nothing of waiting, unless it has to wait longer: it will be ready before anyone looks.
const YOUNG: Duration = Duration::from_secs(2);

/// Writes status for an outcome. Returns when to come back; `None` to wait for a change.
pub async fn conclude(
    visit: &mut Visit<'_>,
    link: Option<&Link>,
    outcome: Outcome,
) -> Result<Option<Duration>, RecordError> {
    match outcome {
        Outcome::Settled(settled) => {
            let Some(link) = link else { return Ok(None) };
            let status = of_settled(visit, link, &settled);
            write(visit, &status).await?;
            visit.ctx.memory.with(&visit.uid, Entry::rest);
            // Watching sends nothing, due or not.
            let due = visit.password_due_at().filter(|_| !visit.observe_only());
            Ok(due.map(time_until))
        }
        Outcome::Waiting(wait) => {
            let status = of_wait(visit, &wait);
            if !(passing(wait.reason) && quiet(visit, wait.after)) {
                write(visit, &status).await?;
            }
            Ok(Some(wait.after))
        }
        Outcome::Look(after) => {
            say_under_way(visit, after).await?;
            Ok(Some(after))
        }
        Outcome::Again => {
            say_under_way(visit, Duration::ZERO).await?;
            Ok(Some(Duration::ZERO))
        }
        Outcome::Finished => {
            visit.ctx.memory.forget(&visit.uid);
            visit.ctx.claims.release(&visit.uid);
            Ok(None)
        }
    }
}

/// Writes status for a failure and returns when to come back.
pub async fn fail(visit: &mut Visit<'_>, verdict: &Verdict, failures: u32) -> Result<Duration, RecordError> {
    let asked = visit.asked.clone().filter(|_| verdict.checked);
    let after = wait(verdict.delay, &visit.uid, failures);
    let bare = is_bare(visit) && !verdict.silent;
    if let Some(ready) = verdict.ready.or(bare.then_some(Truth::Unknown)) {
        let mut status = visit.status();
        let before = reason_of(&status);
        let message = settled_words(&status, verdict);
        // What was learnt or done before the failure is not asked for or done again.
        if let Some(product) = &visit.seen {
            learnt(&mut status, product, traits(visit.object.spec.vendor));
        }
        condition(visit, &mut status, ready, verdict.reason, &message, verdict.stalled);
        if let Some(product) = &visit.seen {
            dated(visit, &mut status, product);
        }
        status.last_handled_reconcile_at = asked.or(status.last_handled_reconcile_at);
        if !(ready == Truth::Unknown && quiet(visit, after)) {
            write(visit, &status).await?;
            if ready == Truth::False && before.as_deref() != Some(verdict.reason.as_str()) {
                let reason = verdict.reason.as_str();
                visit.ctx.events.warning(&visit.object, reason, "Reconcile", &verdict.message).await;
            }
        }
    } else if asked.is_some() {
        // Who asked is answered; the product is as it was, and the check stays due.
        visit.ctx.memory.with(&visit.uid, |entry| entry.hint = true);
        let status = IotProductStatus { last_handled_reconcile_at: asked, ..visit.status() };
        write(visit, &status).await?;
        visit.ctx.events.warning(&visit.object, "CheckFailed", "Check", &verdict.message).await;
    }
    Ok(after)
}

/// Shows that an object without any condition is at work, if it is or will be older than such an object may be.
async fn say_under_way(visit: &mut Visit<'_>, after: Duration) -> Result<(), RecordError> {
    if !is_bare(visit) || quiet(visit, after) {
        return Ok(());
    }
    let status = shown_as(visit);
    write(visit, &status).await
}

/// The status of an object without any condition that is at work.
pub fn shown_as(visit: &Visit<'_>) -> IotProductStatus {
    let (reason, message) = under_way(visit);
    let mut status = visit.status();
    condition(visit, &mut status, Truth::Unknown, reason, &message, false);
    status
}

/// What is under way, in words for one that lasts.
fn under_way(visit: &Visit<'_>) -> (Reason, String) {
    let name = &visit.object.spec.name;
    if visit.deleting() {
        (Reason::Deleting, format!("the deletion of product {name} is under way"))
    } else {
        (Reason::Creating, format!("product {name} is being looked for or created at the vendor"))
    }
}

/// Whether the cluster takes this object's status by now, where it refused it before. Asked before the vendor is: what a
/// visit does could not be recorded.
pub async fn is_taken(visit: &Visit<'_>) -> Result<(), RecordError> {
    if visit.deleting() || !visit.ctx.unwritable.contains(&visit.uid) {
        return Ok(());
    }
    status::would_take(&visit.api(), &visit.object, &shown_as(visit)).await?;
    visit.ctx.unwritable.forget(&visit.uid);
    Ok(())
}

/// The message of a failure. Vendors put times and numbers of requests into theirs: one that differs from what is shown
/// already in its digits alone says nothing new, and is not written at every try.
fn settled_words(status: &IotProductStatus, verdict: &Verdict) -> String {
    let shown = get(&status.conditions, READY).filter(|ready| ready.reason == verdict.reason.as_str());
    let words = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    match shown {
        Some(ready) if verdict.vendors && words(&ready.message) == words(&verdict.message) => {
            ready.message.clone()
        }
        _ => verdict.message.clone(),
    }
}

/// Shows that a visit is at work that already lasts long. Failing to show it is no reason to stop.
pub async fn notice(visit: &mut Visit<'_>, reason: Reason, message: &str) {
    let mut status = visit.status();
    condition(visit, &mut status, Truth::Unknown, reason, message, false);
    match write(visit, &status).await {
        Ok(()) => {}
        Err(RecordError::Conflict { .. }) => show_on_changed(&visit.api(), &visit.object, &status).await,
        Err(error) => tracing::debug!(%error, "progress could not be shown"),
    }
}

/// Conditions of an object whose product is gone and is created anew.
pub fn recreating(visit: &Visit<'_>, message: &str) -> Vec<Condition> {
    let mut status = visit.status();
    condition(visit, &mut status, Truth::False, Reason::Creating, message, false);
    status.conditions
}

async fn write(visit: &mut Visit<'_>, new: &IotProductStatus) -> Result<(), RecordError> {
    let old = visit.status();
    let answer = status::write(&visit.api(), &visit.object, &old, new).await;
    if let Err(error @ RecordError::Refused { .. }) = &answer {
        reports::status_refused(visit.ctx, "IotProduct", &visit.object, error).await;
    }
    if let Some(written) = answer? {
        visit.ctx.unwritable.forget(&visit.uid);
        let was_ready = get(&old.conditions, READY).is_some_and(|ready| ready.status == "True");
        visit.object = written;
        if !was_ready && visit.ready() && old.conditions.is_empty() {
            let since = visit
                .object
                .creation_timestamp()
                .map(|created| crate::clock::now().duration_since(created.0));
            visit.ctx.metrics.time_to_ready(since.unwrap_or_default().unsigned_abs());
        }
    }
    Ok(())
}

fn reason_of(status: &IotProductStatus) -> Option<String> {
    get(&status.conditions, READY).map(|ready| ready.reason.clone())
}

/// It has no condition at all.
pub fn is_bare(visit: &Visit<'_>) -> bool {
    visit.object.status.as_ref().is_none_or(|status| status.conditions.is_empty())
}

/// Whether nothing has to be said yet of an object that is visited again after this long.
fn quiet(visit: &Visit<'_>, after: Duration) -> bool {
    let created = visit.object.creation_timestamp();
    let age = created.map(|created| crate::clock::now().duration_since(created.0).unsigned_abs());
    is_bare(visit) && after <= YOUNG && age.is_none_or(|age| age < YOUNG)
}

fn passing(reason: Reason) -> bool {
    matches!(reason, Reason::Creating | Reason::Updating | Reason::Deleting)
}

/// Time until a moment and a little more, so that it is over then.
fn time_until(moment: jiff::Timestamp) -> Duration {
    let until = moment.duration_since(crate::clock::now()).max(jiff::SignedDuration::ZERO);
    until.unsigned_abs() + Duration::from_millis(10)
}

/// Sets Ready and the conditions that go with it.
fn condition(
    visit: &Visit<'_>,
    status: &mut IotProductStatus,
    ready: Truth,
    reason: Reason,
    message: &str,
    stalled: bool,
) {
    let generation = visit.generation();
    let message = &*said(visit, message);
    status.observed_generation = generation;
    let conditions = &mut status.conditions;
    set(conditions, READY, ready, reason.as_str(), message, generation);
    when(conditions, STALLED, stalled.then_some((reason.as_str(), message)), generation);
    let working = !stalled && ready != Truth::True;
    when(conditions, RECONCILING, working.then_some((reason.as_str(), message)), generation);
    when(conditions, SUSPENDED, None, generation);
}

/// A check that was asked for is done.
fn checked(visit: &Visit<'_>, status: &mut IotProductStatus) {
    if visit.asked.is_some() {
        status.last_handled_reconcile_at.clone_from(&visit.asked);
    }
}

/// A way out that does not fit is better told than left without any sign.
fn said<'a>(visit: &Visit<'_>, message: &'a str) -> Cow<'a, str> {
    visit.forgets_another().map_or(Cow::Borrowed(message), |named| {
        let value = visit.forgotten_by();
        let named: String = named.chars().take(64).collect();
        format!(
            "{message}; annotation {FORCE_FORGET_ANNOTATION} is {named:?} and does nothing: {value} lets go"
        )
        .into()
    })
}

fn of_wait(visit: &Visit<'_>, wait: &Wait) -> IotProductStatus {
    let mut status = visit.status();
    let generation = visit.generation();
    if wait.reason == Reason::Suspended {
        status.observed_generation = generation;
        if get(&status.conditions, READY).is_none() {
            set(
                &mut status.conditions,
                READY,
                Truth::Unknown,
                wait.reason.as_str(),
                &wait.message,
                generation,
            );
        }
        when(&mut status.conditions, RECONCILING, None, generation);
        when(&mut status.conditions, SUSPENDED, Some((wait.reason.as_str(), &wait.message)), generation);
        return status;
    }
    let ready = if wait.reason == Reason::Creating { Truth::Unknown } else { Truth::False };
    condition(visit, &mut status, ready, wait.reason, &wait.message, stalls(wait.reason));
    checked(visit, &mut status);
    status
}

fn of_settled(visit: &Visit<'_>, link: &Link, settled: &Settled) -> IotProductStatus {
    let mut status = visit.status();
    let Settled { product, drift, secret, password } = settled;
    if let Some(kept) = password {
        status.password_hash.clone_from(&kept.hash);
        status.last_handled_rotation.clone_from(&kept.rotation);
        status.password_due_at = kept.again.map(|again| again.to_string());
    }
    let cloud = &link.connection.cloud;
    status.product_id = Some(product.id.clone());
    status.product_name = Some(product.name.clone());
    learnt(&mut status, product, cloud.traits());
    status.endpoint = cloud.endpoint(&product.id);
    status.secret_ref = secret.clone().map(|name| SecretRef { name });
    status.drift = drift
        .iter()
        .map(|entry| ApiDrift {
            field: entry.field.to_owned(),
            want: entry.want.to_string(),
            have: entry.have.shown(),
        })
        .collect();
    readiness(visit, &mut status, &product.id, drift, cloud.traits());
    dated(visit, &mut status, product);
    checked(visit, &mut status);
    status
}

/// When the product was created. That a read shows it to the second is no reason to write: it goes along with
/// what is.
fn dated(visit: &Visit<'_>, status: &mut IotProductStatus, product: &Observed) {
    if *status != visit.status()
        && let Some(created) = product.created_at.and_then(|at| jiff::Timestamp::from_second(at).ok())
    {
        status.created_at = Some(created.to_string());
    }
}

/// What a product shows of itself.
fn learnt(status: &mut IotProductStatus, product: &Observed, traits: &Traits) {
    status.observed = Some(to_status(product, status.observed.as_ref(), traits));
    if product.serial.is_some() {
        status.product_serial.clone_from(&product.serial);
    }
}

fn readiness(visit: &Visit<'_>, status: &mut IotProductStatus, id: &str, drift: &[Drift], traits: &Traits) {
    let fields = |drift: &[&Drift]| drift.iter().map(|entry| entry.field).collect::<Vec<_>>().join(", ");
    let fixed: Vec<&Drift> =
        drift.iter().filter(|entry| !entry.mutable && entry.field != OWNERSHIP).collect();
    if visit.corrects() && !fixed.is_empty() {
        let message = format!(
            "product {id} has other values in {}, which the vendor cannot change: set the manifest to what status.drift shows, or driftPolicy: Report",
            fields(&fixed)
        );
        condition(visit, status, Truth::False, Reason::ImmutableDrift, &message, true);
    } else {
        let unmarked =
            drift.iter().filter(|entry| entry.field == OWNERSHIP).find_map(|entry| entry.hindrance);
        let message = match unmarked {
            _ if drift.is_empty() => format!("product {id} is as the manifest says"),
            Some(hindrance) => hindrance.told(id, traits),
            None => format!("product {id} is as the manifest says, as far as it is to be corrected"),
        };
        condition(visit, status, Truth::True, Reason::Available, &message, false);
    }
    let all: Vec<&Drift> = drift.iter().collect();
    let message = fields(&all);
    let on = (!drift.is_empty()).then_some(("Drift", message.as_str()));
    when(&mut status.conditions, DRIFTED, on, visit.generation());
}
