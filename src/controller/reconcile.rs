//! The pipeline: watch → desired → connect → observe → plan → act → record → requeue. One direction.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;
use kube::runtime::controller::Action;
use tokio::time::{Instant, timeout};
use tracing::{Instrument, debug, info_span, warn};

use super::accounts::AccountId;
use super::cached::CachedProduct;
use super::connect::{Link, account_of, connect};
use super::context::Context;
use super::error::{Delay, Error, HUMAN, Situation, verdict};
use super::notice::Notice;
use super::observe::observe;
use super::outcome::Outcome;
use super::requeue::wait;
use super::turns::Turn;
use super::visit::Visit;
use super::{act, claims, conclude, delete, finalizer};
use crate::api::IotProduct;
use crate::plan::desired::{Desired, desired};
use crate::plan::unseen::waits_with_recorded;
use crate::plan::{Facts, Need, Plan, Seen, need, plan};
use crate::record::RecordError;
use crate::vendor::connection::traits;
use crate::vendor::{Fields, Traits};

/// How soon an object is looked at again that the store shows as it was before, and for which nothing can be done.
const STORE_LAGS: Duration = Duration::from_secs(5);
/// The longest wait while status cannot be written.
const UNWRITTEN: Duration = Duration::from_mins(1);

/// Visits one object. Never fails: a failure is status, event, metric and a delay.
pub async fn reconcile(object: Arc<CachedProduct>, ctx: Arc<Context>) -> Result<Action, Infallible> {
    let span = info_span!("product", namespace = object.namespace(), name = object.name_any());
    Ok(Box::pin(visit(object.open(), ctx)).instrument(span).await)
}

async fn visit(object: IotProduct, ctx: Arc<Context>) -> Action {
    let begun = Instant::now();
    let mut visit = Visit::begin(&ctx, object);
    let mut link = None;
    let limit = ctx.settings.reconcile_timeout;
    let ended = match timeout(limit, stages(&mut visit, &mut link)).await {
        Ok(ended) => ended,
        Err(_) => Err(Error::Deadline(limit)),
    };
    let finished = matches!(ended, Ok(Outcome::Finished));
    let recorded = match ended {
        Ok(outcome) => conclude::conclude(&mut visit, link.as_ref(), outcome).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    let after = match recorded {
        Ok(after) => after,
        Err(error) => Some(fail(&mut visit, &error).await),
    };
    if !finished {
        visit.remember_version();
    }
    ctx.metrics.reconciled("IotProduct", begun.elapsed());
    after.map_or_else(Action::await_change, Action::requeue)
}

/// The stages up to a settled product, in their order.
async fn stages(visit: &mut Visit<'_>, linked: &mut Option<Link>) -> Result<Outcome, Error> {
    if visit.is_behind() && !visit.deleting() && !visit.object.spec.suspend && account_of(visit).is_err() {
        // Nothing can be done, and what this process wrote last says so: reading the object anew would tell no more.
        // The account wakes its products, and an edit its object.
        return Ok(Outcome::Look(STORE_LAGS));
    }
    if !visit.make_live().await? {
        return Ok(Outcome::Finished);
    }
    finalizer::restore(visit).await?;
    conclude::is_taken(visit).await?;
    let traits = traits(visit.object.spec.vendor);
    let facts = visit.facts(None);
    if (facts.deleting || facts.suspended) && need(&facts, traits) == Need::Nothing {
        // Nothing is asked of the vendor, so no account is needed either.
        let lives = |head: &str| visit.ctx.lives(head, &visit.uid);
        let plan = plan(&facts, traits, Seen::Nothing, &lives);
        return delete::act(visit, None, plan).await;
    }
    if !facts.deleting {
        visit.ctx.events.in_use(&visit.namespace);
    }
    if waits_with_recorded(&facts, visit.disputed()) {
        claims::everybody_is_known(visit.ctx).map_err(Error::from)?;
    }
    let desired = wish(visit, traits)?;
    let link = linked.insert(connect(visit).await?);
    let facts = take_turn(visit, visit.facts(Some(link)), traits);
    let notice = Notice::of(visit);
    let seen = notice.beside(Box::pin(observe(visit, link, need(&facts, traits), &facts))).await;
    let seen = visit.go_on(seen)?;
    let lives = |head: &str| visit.ctx.lives(head, &visit.uid);
    let plan = plan(&facts, traits, seen, &lives);
    debug!(plan = plan_name(&plan), "planned");
    act::act(visit, link, &desired, plan).await
}

/// Takes the turn of the object's name before it is looked for, where a create may follow that the vendor would take even
/// if another object is creating the name.
fn take_turn(visit: &mut Visit<'_>, facts: Facts, traits: &Traits) -> Facts {
    let creates = facts.recorded.is_none() && facts.imported.is_none() && !facts.observe_only;
    if traits.refuses_taken_names || !creates || facts.deleting {
        return facts;
    }
    let account = AccountId::of(&visit.object);
    let place = visit.ctx.place_of(&account).unwrap_or_else(|| account.to_string());
    visit.turn = visit.ctx.turns.take(&place, &facts.name, &visit.uid, facts.now);
    let news = visit.turn.as_ref().and_then(Turn::news);
    Facts { name_busy: visit.turn.is_none(), name_news: news, ..facts }
}

/// The wish; of an object that is being deleted nothing is wished, so nothing in it can be wrong.
fn wish(visit: &Visit<'_>, traits: &Traits) -> Result<Desired, Error> {
    if visit.deleting() {
        return Ok(Desired {
            name: visit.object.spec.name.clone(),
            description: None,
            fields: Fields::new(),
        });
    }
    let spec = serde_json::to_value(&visit.object.spec).unwrap_or_default();
    Ok(desired(&spec, visit.object.spec.vendor.as_str(), traits)?)
}

/// The one exit of failures.
async fn fail(visit: &mut Visit<'_>, error: &Error) -> Duration {
    if matches!(error, Error::Record(RecordError::Conflict { .. } | RecordError::Kube { .. })) {
        visit.doubt_version();
    }
    let (failures, failing_for) = visit.failing();
    let situation = Situation {
        recorded: visit.recorded().is_some(),
        change_required: visit.edited() || !visit.ready(),
        forget: visit.deleting().then(|| visit.forgotten_by()),
        failures,
        failing_for,
    };
    let verdict = verdict(error, situation);
    // Who asks for a check knows, perhaps, that the vendor lets the account again what it refused.
    let asked = visit.asked.is_some() && matches!(error, Error::Connect(_));
    if verdict.account || asked {
        super::account_memory::suspect(visit.ctx, &AccountId::of(&visit.object));
    }
    debug!(error = %chain(error), reason = %verdict.reason, failures, "the visit ended early");
    match conclude::fail(visit, &verdict, failures).await {
        Ok(after) => after,
        // Told where it was refused.
        Err(RecordError::Refused { .. }) => wait(Delay::Backoff(HUMAN), &visit.uid, failures),
        Err(error) => {
            warn!(%error, "status could not be written");
            visit.doubt_version();
            wait(Delay::Backoff(UNWRITTEN), &visit.uid, failures)
        }
    }
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn plan_name(plan: &Plan) -> &'static str {
    match plan {
        Plan::Wait(_) => "wait",
        Plan::Look { .. } => "look again",
        Plan::Create { .. } => "create",
        Plan::Take { .. } => "take",
        Plan::Keep { .. } => "keep",
        Plan::Recreate { .. } => "recreate",
        Plan::Delete { .. } => "delete",
        Plan::DeleteFound { .. } => "delete found",
        Plan::Gone => "gone",
        Plan::Forget { .. } => "forget",
        Plan::Done => "done",
    }
}
