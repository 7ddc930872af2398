//! The stage that carries a plan out, up to a product that is recorded (protocol, "Create" and "Adopt").

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kube::ResourceExt;
use tokio::time::{Instant, sleep, timeout};

use super::adopt::{self, Taken};
use super::connect::Link;
use super::error::Error;
use super::notice::{NOTICE, Notice};
use super::observe::confirmed;
use super::outcome::Outcome;
use super::settle::{Held, settle};
use super::visit::Visit;
use super::{claims, conclude, delete};
use crate::api::{CREATION_ANNOTATION, IotProduct, Reason};
use crate::http::limit::{Lane, Permit};
use crate::plan::create::{LATE_DELIVERY, later};
use crate::plan::desired::Desired;
use crate::plan::ledger::{Ledger, LedgerState};
use crate::plan::mark::{Marks, find};
use crate::plan::origin::Provenance;
use crate::plan::{Claim, Plan, SOON};
use crate::record::{RecordError, ledger};
use crate::vendor::{AnyCloud, Call, Class, Cloud, CreateRequest, Observed, Target, VendorError};

/// How long the budget of a create is waited for before the visit gives its place to another.
const BUDGET_WAIT: Duration = Duration::from_secs(5);
/// How long an id is held and tried to be recorded while the API server does not answer.
const RECORD_FOR: Duration = Duration::from_mins(1);
/// How soon it is tried again, at first.
const RECORD_AGAIN: Duration = Duration::from_millis(500);
/// The longest wait between two tries.
const RECORD_AT_LEAST_EVERY: Duration = Duration::from_secs(8);

/// Carries a plan out.
pub async fn act(
    visit: &mut Visit<'_>,
    link: &Link,
    desired: &Desired,
    plan: Plan,
) -> Result<Outcome, Error> {
    match plan {
        Plan::Wait(wait) => Ok(Outcome::Waiting(claims::named(visit.ctx, &visit.object, wait))),
        Plan::Look { after } => Ok(Outcome::Look(after)),
        Plan::Create { attempt } => {
            let held = create(visit, link, desired, attempt).await?;
            settle(visit, link, desired, held).await
        }
        Plan::Take { product, claim, surplus } => {
            link.usable_for_adoption()?;
            let sent = visit.ledger().map(|ledger| ledger.name);
            let found = std::iter::once(*product).chain(surplus).collect();
            let there = Box::pin(first_there(visit, link, found, claim));
            let there = Notice::of(visit).beside(there).await;
            let Some((product, surplus)) = visit.go_on(there)? else { return Ok(Outcome::Look(SOON)) };
            let held = match adopt::take(visit, link, desired, product, claim).await? {
                Some(Taken::Product(product)) => Held::known(*product),
                Some(Taken::Refused(wait)) => return Ok(Outcome::Waiting(wait)),
                None => return Ok(Outcome::Again),
            };
            visit.settle_turn();
            remove_surplus(visit, link, &surplus, sent.as_deref()).await;
            settle(visit, link, desired, held).await
        }
        Plan::Keep { product } => {
            hold(visit).await?;
            remove_late(visit, link).await;
            settle(visit, link, desired, Held::known(*product)).await
        }
        Plan::Recreate { id } => recreate(visit, link, &id).await,
        Plan::Delete { .. } | Plan::DeleteFound { .. } | Plan::Gone | Plan::Forget { .. } | Plan::Done => {
            delete::act(visit, Some(link), plan).await
        }
    }
}

/// The first of the found products that is there, and those after it.
async fn first_there(
    visit: &Visit<'_>,
    link: &Link,
    found: VecDeque<Observed>,
    claim: Claim,
) -> Result<Option<(Observed, VecDeque<Observed>)>, Error> {
    let mut found = found;
    while let Some(listed) = found.pop_front() {
        if let Some(product) = confirmed(visit, link, listed, claim).await? {
            return Ok(Some((product, found)));
        }
    }
    Ok(None)
}

/// Delete 1: a missing finalizer is restored before any vendor call.
async fn hold(visit: &mut Visit<'_>) -> Result<(), Error> {
    let held =
        ledger::set_finalizer(&visit.api(), &visit.object, crate::api::PRODUCT_FINALIZER, true).await?;
    if let Some(object) = held {
        visit.object = object;
    }
    Ok(())
}

/// Create 2, 4 and 5: budget, ledger, call, id.
async fn create(visit: &mut Visit<'_>, link: &Link, desired: &Desired, attempt: u32) -> Result<Held, Error> {
    link.usable_for_creation(visit.ctx)?;
    let cloud = &link.connection.cloud;
    let request = CreateRequest {
        name: desired.name.clone(),
        description: visit.mark.append_to(desired.description.as_deref().unwrap_or_default()),
        fields: desired.fields.clone(),
        inputs: visit.inputs().await?,
    };
    // The budget comes before the ledger: an object that only waits has attempted nothing.
    let permit = turn(visit, cloud).await?;
    let limit = visit.ctx.settings.vendor_timeout;
    let call = Call::within(Lane::Create, limit).of(&visit.namespace);
    let ledger = Ledger {
        uid: visit.uid.clone(),
        connection: link.connection.fingerprint_for(&visit.uid),
        name: request.name.clone(),
        attempt,
        deadline: crate::clock::now() + limit,
        state: LedgerState::Open,
        taken: None,
        again: None,
    };
    let before = visit.ledger();
    visit.object = ledger::write(&visit.api(), &visit.object, &ledger).await?;
    visit.ctx.memory.with(&visit.uid, |entry| {
        entry.ledger = Some(Box::new(ledger.clone()));
    });
    // Whoever lets an account go first closes it and then asks which products are held: either it sees the
    // finalizer that was just written, or this sees that it is closing.
    if let Err(error) = link.usable_for_creation(visit.ctx) {
        close(visit, before, &ledger, None).await?;
        return Err(error.into());
    }
    let answer = send(visit, cloud, &request, &ledger, permit, call).await;
    match answer {
        Ok(id) => {
            record_id(visit, link, &ledger, &id).await?;
            link.connection.saw(&id);
            visit
                .ctx
                .events
                .normal(&visit.object, "Created", "Create", &format!("product {id} created"))
                .await;
            Ok(Held::created(Observed {
                id,
                name: request.name.clone(),
                description: request.description.clone(),
                fields: cloud.created(&request),
                secret: None,
                // By our clock, until a read shows it.
                created_at: Some(crate::clock::now().as_second()),
                serial: None,
                full: true,
            }))
        }
        Err(error) => {
            close_if_clear(visit, before, &ledger, &error).await?;
            Err(error.into())
        }
    }
}

/// Waits for the turn of a create in the vendor's budget.
async fn turn(visit: &mut Visit<'_>, cloud: &AnyCloud) -> Result<Permit, VendorError> {
    let wait = Call::within(Lane::Create, BUDGET_WAIT).of(&visit.namespace);
    let permit = Notice::of(visit).beside(cloud.reserve_create(wait)).await;
    visit.go_on(permit)
}

/// Sends the create; a vendor that takes its time is shown.
async fn send(
    visit: &mut Visit<'_>,
    cloud: &AnyCloud,
    request: &CreateRequest,
    ledger: &Ledger,
    permit: Permit,
    call: Call,
) -> Result<String, VendorError> {
    if let Some(turn) = &visit.turn {
        turn.sends(later(ledger.deadline, LATE_DELIVERY));
    }
    let mut sent = std::pin::pin!(cloud.create(request, permit, call));
    let answer = if let Ok(answer) = timeout(NOTICE, &mut sent).await {
        answer
    } else {
        conclude::notice(visit, Reason::Creating, "the vendor has not yet answered the creation").await;
        sent.await
    };
    if answer.as_ref().err().is_none_or(|error| !error.is_unclear()) {
        visit.settle_turn();
    }
    answer
}

/// Create 4: a clear refusal closes the ledger; anything unclear leaves it open. A refusal says nothing of
/// an unclear attempt before it, which one look-up was enough to follow: the ledger is that one's again.
async fn close_if_clear(
    visit: &mut Visit<'_>,
    before: Option<Ledger>,
    open: &Ledger,
    error: &VendorError,
) -> Result<(), Error> {
    if error.is_unclear() || error.class == Class::NotLeader {
        return Ok(());
    }
    close(visit, before, open, (error.class == Class::Exists).then(crate::clock::now)).await
}

/// The ledger after a clear refusal.
async fn close(
    visit: &mut Visit<'_>,
    before: Option<Ledger>,
    open: &Ledger,
    taken: Option<jiff::Timestamp>,
) -> Result<(), Error> {
    let closed = match (taken, before) {
        (Some(now), before) => open.clone().closed_as_taken(before.as_ref(), now),
        (None, Some(before)) if before.is_unclear() && before.name == open.name => {
            Ledger { deadline: before.deadline, ..open.clone() }
        }
        (None, before) => open.clone().closed_as_refused(before.as_ref()),
    };
    visit.object = ledger::close(&visit.api(), &visit.object, open, &closed).await?;
    visit.ctx.memory.with(&visit.uid, |entry| entry.ledger = Some(Box::new(closed)));
    Ok(())
}

/// Create 5: the id alone, at once. While the API server does not answer the id is held; if the object is
/// gone or has another id, the product whose answer we hold is deleted.
async fn record_id(visit: &mut Visit<'_>, link: &Link, ledger: &Ledger, id: &str) -> Result<(), Error> {
    let (begun, mut again) = (Instant::now(), RECORD_AGAIN);
    loop {
        let created = Provenance::created();
        let error = match ledger::record_id(&visit.api(), &visit.object, ledger, id, &created).await {
            Ok(object) => {
                visit.object = object;
                return Ok(());
            }
            Err(error) => error,
        };
        match &error {
            RecordError::Kube { .. } | RecordError::Conflict { .. } if begun.elapsed() < RECORD_FOR => {
                match current(visit).await {
                    Ok(Some(object)) if object.product_id() == Some(id) => {
                        visit.object = object;
                        return Ok(());
                    }
                    // Not this attempt's object any more, or another's id is there.
                    Ok(Some(object)) if object.product_id().is_some() => {
                        give_back(visit, link, Target::id(id)).await;
                        return Err(error.into());
                    }
                    Ok(None) => {
                        give_back(visit, link, Target::id(id)).await;
                        return Err(RecordError::Gone { what: "recording the product id" }.into());
                    }
                    // Another process went on, and its look-up finds this product by its mark.
                    Ok(Some(object)) if ledger.is_overtaken(written(&object)) => return Err(error.into()),
                    Ok(Some(object)) if matches!(error, RecordError::Conflict { .. }) => {
                        // A user edited the ledger away under us: it is ours as long as the object is.
                        match ledger::write(&visit.api(), &object, ledger).await {
                            Ok(object) => visit.object = object,
                            // Edited once more: the id is held on to.
                            Err(RecordError::Conflict { .. }) => {}
                            Err(error) => return Err(error.into()),
                        }
                        sleep(again).await;
                    }
                    Ok(Some(_)) | Err(_) => sleep(again).await,
                }
                again = again.saturating_mul(2).min(RECORD_AT_LEAST_EVERY);
            }
            RecordError::Gone { .. } => {
                give_back(visit, link, Target::id(id)).await;
                return Err(error.into());
            }
            _ => return Err(error.into()),
        }
    }
}

fn written(object: &IotProduct) -> Option<&str> {
    object.annotations().get(CREATION_ANNOTATION).map(String::as_str)
}

async fn current(visit: &Visit<'_>) -> Result<Option<IotProduct>, RecordError> {
    crate::record::status::live(&visit.api(), &visit.object).await
}

/// Deletes a product that no object will ever name: ours by the answer in our hands, and without devices.
async fn give_back(visit: &Visit<'_>, link: &Link, product: Target<'_>) {
    let id = product.id;
    let cloud = &link.connection.cloud;
    let call = Call::within(Lane::Delete, visit.ctx.settings.vendor_timeout).of(&visit.namespace);
    let gone = async {
        if cloud.traits().delete_checks_devices || cloud.devices(id, call).await? == 0 {
            let deleted = cloud.delete(product, &BTreeMap::new(), call).await;
            link.connection.inventory.outdate(id);
            return deleted.map(|()| true);
        }
        Ok(false)
    };
    let gone: Result<bool, VendorError> = gone.await;
    let note = match gone {
        Ok(true) => format!("product {id}, which no object names, was deleted again"),
        // Somebody else was faster.
        Err(error) if error.is_not_found() => format!("product {id}, which no object names, is gone"),
        Ok(false) => {
            format!("product {id}, which no object names, has devices and remains")
        }
        Err(error) => format!("product {id}, which no object names, may remain: {error}"),
    };
    tracing::warn!(product = %visit.object.name_any(), namespace = %visit.namespace, "{note}");
    visit.ctx.events.warning(&visit.object, "Surplus", "Create", &note).await;
}

/// Create 3: further products with our mark are removed if they carry the ledger's name and have no devices.
async fn remove_surplus(
    visit: &Visit<'_>,
    link: &Link,
    surplus: impl IntoIterator<Item = &Observed>,
    sent: Option<&str>,
) {
    for product in surplus {
        // A former object's mark is ours as well, but its product was left at the vendor on purpose.
        let exact = find(&product.description) == Marks::One(visit.mark.clone());
        if exact && sent == Some(product.name.as_str()) {
            give_back(visit, link, product.target()).await;
        } else {
            let note = format!("product {} also carries this object's mark and remains", product.id);
            visit.ctx.events.warning(&visit.object, "Surplus", "Create", &note).await;
        }
    }
}

/// What a create that was delivered late or twice left beside the recorded product, as the list showed it.
async fn remove_late(visit: &Visit<'_>, link: &Link) {
    let shown = visit.ctx.memory.with(&visit.uid, |entry| std::mem::take(&mut entry.surplus));
    let listing = link.connection.inventory.latest().filter(|_| shown && !visit.observe_only());
    let Some(listing) = listing else { return };
    let ours = |product: &&Observed| {
        visit.recorded() != Some(product.id.as_str())
            && find(&product.description) == Marks::One(visit.mark.clone())
    };
    let surplus: Vec<Observed> = listing.products.iter().filter(ours).cloned().collect();
    let sent = visit.ledger().map(|ledger| ledger.name);
    remove_surplus(visit, link, &surplus, sent.as_deref()).await;
}

/// Re-create: the id that is proved gone is forgotten; the next visit creates under a fresh ledger.
async fn recreate(visit: &mut Visit<'_>, link: &Link, id: &str) -> Result<Outcome, Error> {
    link.usable_for_creation(visit.ctx)?;
    let message = format!("product {id} does not exist at the vendor any more; it is created anew");
    let conditions = conclude::recreating(visit, &message);
    visit.object = ledger::forget_id(&visit.api(), &visit.object, id, &conditions).await?;
    visit.ctx.events.warning(&visit.object, "Recreating", "Create", &message).await;
    visit.ctx.memory.with(&visit.uid, |entry| entry.hint = false);
    Ok(Outcome::Again)
}
