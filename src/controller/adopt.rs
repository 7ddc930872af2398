//! Recording a product that exists already as this object's (protocol, "Adopt").

use super::claims;
use super::connect::Link;
use super::error::Error;
use super::notice::Notice;
use super::observe::read_full;
use super::visit::Visit;
use crate::api::Reason;
use crate::plan::desired::Desired;
use crate::plan::diff::needs_full_read;
use crate::plan::ledger::{Ledger, LedgerState};
use crate::plan::origin::{Origin, Provenance};
use crate::plan::unseen::waits_to_take;
use crate::plan::{Claim, SLOW, Wait};
use crate::record::{RecordError, ledger};
use crate::vendor::Observed;

/// What became of a product that was to be recorded.
pub enum Taken {
    /// It is recorded for this object.
    Product(Box<Observed>),
    /// It is another object's.
    Refused(Wait),
}

/// Records an existing product with its origin, before anything is done to it. `None` when the object changed meanwhile.
pub async fn take(
    visit: &mut Visit<'_>,
    link: &Link,
    desired: &Desired,
    mut product: Observed,
    claim: Claim,
) -> Result<Option<Taken>, Error> {
    let facts = visit.facts(Some(link));
    if waits_to_take(&product, claim, &facts) {
        claims::everybody_is_known(visit.ctx)?;
    }
    let provenance = Provenance::of_found(&product, claim, &facts);
    let watches = provenance.origin == Origin::Watched;
    if let Err(holder) = claims::claim(visit.ctx, &visit.object, &product, watches) {
        return Ok(Some(Taken::Refused(refused(&product.id, &holder))));
    }
    let recorded = visit.recorded() == Some(product.id.as_str());
    let written = if recorded {
        record_takeover(visit, &product.id, &provenance).await
    } else {
        record_id(visit, link, &product, &provenance).await
    };
    if let Err(error) = written {
        visit.ctx.claims.release(&visit.uid);
        return if matches!(error, RecordError::Conflict { .. }) { Ok(None) } else { Err(error.into()) };
    }
    link.connection.saw(&product.id);
    if !product.full && needs_full_read(desired, link.connection.traits()) {
        let read = Notice::of(visit).beside(Box::pin(read_full(visit, link, &product.id))).await;
        product = visit.go_on(read)?;
    }
    let how = match (provenance.origin, claim) {
        (Origin::Watched, _) => "watched",
        (Origin::Created | Origin::Adopted, Claim::Mark) => "found by its mark",
        (Origin::Created | Origin::Adopted, Claim::Adoption) => "taken over",
    };
    let note = format!("product {} named {} {how}", product.id, product.name);
    visit.ctx.events.normal(&visit.object, "Adopted", "Adopt", &note).await;
    Ok(Some(Taken::Product(Box::new(product))))
}

fn refused(id: &str, holder: &str) -> Wait {
    Wait {
        reason: Reason::NameConflict,
        message: format!("product {id} is managed by {holder}; remove one of the two manifests"),
        after: SLOW,
        holder: None,
    }
}

/// What was watched until now is taken over: the account lets it be.
async fn record_takeover(
    visit: &mut Visit<'_>,
    id: &str,
    provenance: &Provenance,
) -> Result<(), RecordError> {
    visit.object = ledger::record_takeover(&visit.api(), &visit.object, id, provenance).await?;
    Ok(())
}

/// Records the id under a ledger, which says through which connection the product was seen. The ledger is open until the
/// id is recorded: a closed one would tell a deletion that there is nothing to look for.
async fn record_id(
    visit: &mut Visit<'_>,
    link: &Link,
    product: &Observed,
    provenance: &Provenance,
) -> Result<(), RecordError> {
    let ledger = Ledger {
        uid: visit.uid.clone(),
        connection: link.connection.fingerprint_for(&visit.uid),
        name: product.name.clone(),
        attempt: visit.ledger().map_or(0, |ledger| ledger.attempt),
        deadline: crate::clock::now(),
        state: LedgerState::Open,
        taken: None,
        again: None,
    };
    visit.object = ledger::write(&visit.api(), &visit.object, &ledger).await?;
    visit.ctx.memory.with(&visit.uid, |entry| entry.ledger = Some(Box::new(ledger.clone())));
    visit.object = ledger::record_id(&visit.api(), &visit.object, &ledger, &product.id, provenance).await?;
    Ok(())
}
