//! Carrying out a deletion (protocol, "Delete"): device check, delete, absence confirmed, Secret, finalizer.

use std::time::Duration;

use super::connect::Link;
use super::error::Error;
use super::notice::Notice;
use super::observe::{confirmed, sought};
use super::outcome::Outcome;
use super::visit::Visit;
use crate::api::{PRODUCT_FINALIZER, Reason};
use crate::plan::lookups::Sought;
use crate::plan::origin::Provenance;
use crate::plan::{Claim, Plan, SOON, SecretFate, Wait};
use crate::record::{ledger, secret};
use crate::vendor::{Cloud, Observed, Target};

/// How soon a deletion that is held by the vendor's side is looked at again.
const BLOCKED: Duration = Duration::from_mins(1);
/// How soon the absence of a deleted product is confirmed again.
const LINGERS: Duration = Duration::from_secs(3);

/// Carries out what the plan says of an object that is to go.
pub async fn act(visit: &mut Visit<'_>, link: Option<&Link>, plan: Plan) -> Result<Outcome, Error> {
    match (plan, link) {
        (Plan::Delete { product }, Some(link)) => delete(visit, link, &product).await,
        (Plan::DeleteFound { product }, Some(link)) => record_found(visit, link, *product).await,
        (Plan::Gone, _) => {
            remove_secret(visit).await?;
            let note = visit.recorded().map_or_else(
                || "nothing was created at the vendor".to_owned(),
                |id| format!("product {id} and its Secret are gone"),
            );
            release(visit, "Deleted", &note).await
        }
        (Plan::Forget { secret: fate, remains }, _) => {
            if fate == SecretFate::Goes {
                remove_secret(visit).await?;
            }
            let note = remains.unwrap_or_else(|| {
                visit.recorded().map_or_else(
                    || "nothing recorded".to_owned(),
                    |id| format!("product {id} was left at the vendor"),
                )
            });
            release(visit, "Forgotten", &note).await
        }
        (Plan::Wait(wait), _) => Ok(Outcome::Waiting(wait)),
        _ => Ok(Outcome::Finished),
    }
}

/// Takes the output Secret away: where status says it is, and where the manifest says, because a rename may be
/// carried out but for its last steps.
async fn remove_secret(visit: &Visit<'_>) -> Result<(), Error> {
    let named = visit.object.secret_name();
    let written = visit.status().secret_ref.map(|secret| secret.name).filter(|written| *written != named);
    for name in written.iter().chain([&named]) {
        secret::remove_ours(&visit.ctx.secrets(&visit.namespace), name, &visit.uid).await?;
    }
    Ok(())
}

async fn delete(visit: &mut Visit<'_>, link: &Link, product: &Observed) -> Result<Outcome, Error> {
    link.usable()?;
    let (cloud, id) = (&link.connection.cloud, product.id.as_str());
    let listed_only = !link.connection.traits().reads_by_id;
    let sought = sought(link, &visit.facts(Some(link)));
    let inputs = visit.inputs().await?;
    let looks = !link.connection.traits().delete_checks_devices;
    let call = visit.call();
    let devices = Box::pin(async { if looks { cloud.devices(id, call).await } else { Ok(0) } });
    let devices = Notice::of(visit).beside(devices).await;
    match visit.go_on(devices) {
        Ok(0) => {}
        Ok(devices) => {
            return Ok(Outcome::Waiting(Wait {
                reason: Reason::DeletionBlocked,
                message: format!(
                    "product {id} still has {devices} devices: delete them at the vendor, or set deletionPolicy: Retain to keep the product; looked at again within 60s"
                ),
                after: BLOCKED,
                holder: None,
            }));
        }
        Err(error) if error.is_not_found() => return Ok(doubted(visit, listed_only, sought)),
        Err(error) => return Err(error.into()),
    }
    // A read in this visit has compared the serial (protocol, Delete 3).
    let target = if product.full { Target::id(id) } else { product.target() };
    let answered = Notice::of(visit).beside(Box::pin(cloud.delete(target, &inputs, visit.call()))).await;
    let answered = visit.go_on(answered);
    let clear = answered.is_ok();
    match answered {
        // Remembered, so that a visit that ends before the object is let go need not find it out again.
        Ok(()) if !listed_only => drop(deleted(visit, sought)),
        Ok(()) => {}
        // Somebody else was faster, or an answer was lost: the read below looks, or, where there is none, the next try.
        Err(error) if error.is_not_found() || error.is_unclear() && !listed_only => {}
        Err(error) => return Err(error.into()),
    }
    link.connection.inventory.outdate(id);
    if listed_only {
        return Ok(deleted(visit, sought));
    }
    let read = Notice::of(visit).beside(Box::pin(cloud.read(id, visit.call()))).await;
    match visit.go_on(read) {
        Err(error) if error.is_not_found() && clear => Box::pin(act(visit, Some(link), Plan::Gone)).await,
        Err(error) if error.is_not_found() => Ok(doubted(visit, listed_only, sought)),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(Outcome::Waiting(Wait {
            reason: Reason::Deleting,
            message: format!("product {id} was deleted and the vendor still shows it"),
            after: LINGERS,
            holder: None,
        })),
    }
}

/// A call that should have found the product says that there is none: one answer, which may be wrong. The next visit looks
/// for it (protocol, "Absent").
fn doubted(visit: &Visit<'_>, listed_only: bool, sought: Sought) -> Outcome {
    if listed_only {
        return deleted(visit, sought);
    }
    visit.ctx.memory.with(&visit.uid, |entry| entry.hint = true);
    Outcome::Again
}

/// The vendor says that the product is deleted, and two lists have to confirm it (protocol, "Absent"): the
/// next visits read them, shared with everyone else who needs one.
fn deleted(visit: &Visit<'_>, sought: Sought) -> Outcome {
    let now = crate::clock::now();
    let again = visit.ctx.memory.with(&visit.uid, |entry| entry.lookups.delete(sought, now));
    // Said before, and a list shows it all the same.
    if again { Outcome::Look(LINGERS) } else { Outcome::Again }
}

/// A product that an unclear attempt did create: its id is recorded first, so that nothing forgets it.
async fn record_found(visit: &mut Visit<'_>, link: &Link, product: Observed) -> Result<Outcome, Error> {
    let found = Box::pin(confirmed(visit, link, product, Claim::Mark));
    let found = Notice::of(visit).beside(found).await;
    let Some(product) = visit.go_on(found)? else { return Ok(Outcome::Look(SOON)) };
    if let Some(open) = visit.ledger() {
        let provenance = Provenance::of_found(&product, Claim::Mark, &visit.facts(Some(link)));
        visit.object = ledger::write(&visit.api(), &visit.object, &open).await?;
        visit.object =
            ledger::record_id(&visit.api(), &visit.object, &open, &product.id, &provenance).await?;
        link.connection.saw(&product.id);
    }
    Ok(Outcome::Again)
}

/// The finalizer goes last.
async fn release(visit: &mut Visit<'_>, reason: &str, note: &str) -> Result<Outcome, Error> {
    visit.ctx.events.normal(&visit.object, reason, "Delete", note).await;
    visit.ctx.finalizers.release(&visit.uid);
    ledger::set_finalizer(&visit.api(), &visit.object, PRODUCT_FINALIZER, false).await?;
    tracing::info!(namespace = %visit.namespace, uid = %visit.uid, "{note}");
    Ok(Outcome::Finished)
}
