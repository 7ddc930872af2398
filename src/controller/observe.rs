//! The stage that looks at the vendor: exactly what the plan needs, and nothing a list already answered.

use jiff::Timestamp;

use super::connect::Link;
use super::error::Error;
use super::visit::Visit;
use crate::api::IotProductStatus;
use crate::plan::keep::{agrees, agrees_after};
use crate::plan::lookups::Sought;
use crate::plan::origin::is_owned;
use crate::plan::search::{Found, search};
use crate::plan::{Check, Claim, Facts, Listing, Need, Seen};
use crate::record::observed::from_status;
use crate::vendor::{Cloud, Observed};

/// Looks.
pub async fn observe(visit: &mut Visit<'_>, link: &Link, need: Need, facts: &Facts) -> Result<Seen, Error> {
    let known = match need {
        Need::Nothing => return Ok(Seen::Nothing),
        Need::Known { .. } => from_status(&visit.status(), &visit.mark, link.connection.traits()),
        Need::Read { .. } | Need::List { .. } => known_to_go(visit, link, facts),
    };
    if let Some(known) = known {
        return Ok(Seen::Product(Box::new(known)));
    }
    visit.looked = true;
    match need {
        Need::Nothing => Ok(Seen::Nothing),
        Need::Known { id } | Need::Read { id } => look(visit, link, &id, facts).await,
        Need::List { begun_after } => list(visit, link, begun_after, facts).await,
    }
}

/// One product, by the reading that the vendor has. A list is shared and proves less (protocol, "Absent").
async fn look(visit: &Visit<'_>, link: &Link, id: &str, facts: &Facts) -> Result<Seen, Error> {
    if link.connection.traits().reads_by_id {
        read(visit, link, id, facts).await
    } else {
        list(visit, link, facts.now, facts).await
    }
}

async fn list(visit: &Visit<'_>, link: &Link, begun_after: Timestamp, facts: &Facts) -> Result<Seen, Error> {
    link.usable()?;
    let connection = &link.connection;
    let listing = connection.inventory.list(&connection.cloud, begun_after, visit.call()).await?;
    note(visit, link, facts, &listing);
    Ok(Seen::List(listing))
}

/// What the object looks for through a connection.
pub fn sought(link: &Link, facts: &Facts) -> Sought {
    let attempt = facts.ledger.as_ref().map(|ledger| ledger.attempt);
    Sought::of(facts.recorded.as_deref(), attempt, link.connection.name())
}

/// Remembers a list that did not show the product, and forgets it when one shows it (protocol, Create 3 and "Absent").
fn note(visit: &Visit<'_>, link: &Link, facts: &Facts, listing: &Listing) {
    let lives = |head: &str| visit.ctx.lives(head, &visit.uid);
    let found = search(&listing.products, facts, &lives);
    let shown = match &facts.recorded {
        Some(id) => listing.products.iter().any(|product| product.id == *id),
        None => matches!(found, Found::Ours(..)),
    };
    if let Some(id) = facts.recorded.as_deref().filter(|_| shown) {
        link.connection.saw(id);
    }
    visit.ctx.memory.with(&visit.uid, |entry| {
        if let (Found::Named(..), Some(closed)) = (&found, entry.ledger.as_mut().filter(|l| !l.is_open())) {
            // The owner of a taken name is visible, so the name is free as soon as no list shows it.
            (closed.taken, closed.again) = (None, None);
        }
        if shown {
            entry.lookups.shown(listing.begun);
        } else {
            entry.lookups.not_shown(sought(link, facts), facts, listing.begun);
        }
    });
}

/// What is known of a product that is to be deleted, where reading it again would tell nothing: its mark
/// cannot have been changed by another owner, and this connection is known to show it, so that a not-found
/// of the calls that follow is believed.
fn known_to_go(visit: &Visit<'_>, link: &Link, facts: &Facts) -> Option<Observed> {
    let traits = link.connection.traits();
    // What the vendor says is deleted is looked for, and what an earlier call left in doubt.
    let deleted = facts.deleted.is_some() || facts.check == Check::Full;
    let doubted = !facts.admitted || !is_owned(facts);
    if !facts.deleting || doubted || traits.can_remark || visit.disputed() || deleted || !facts.shown_here {
        return None;
    }
    from_status(&visit.status(), &visit.mark, traits)
}

/// The connection has shown the recorded product, or created it.
pub fn shown_here(link: &Link, uid: &str, facts: &Facts) -> bool {
    let Some(id) = facts.recorded.as_deref() else { return false };
    let connection = &link.connection;
    let created_here =
        facts.ledger.as_ref().is_some_and(|ledger| ledger.connection == connection.fingerprint_for(uid));
    connection.has_seen(id) || created_here
}

async fn read(visit: &Visit<'_>, link: &Link, id: &str, facts: &Facts) -> Result<Seen, Error> {
    link.usable()?;
    let begun = crate::clock::now();
    match link.connection.cloud.read(id, visit.call()).await {
        // Another product has the id now: ours is gone, or this is another place.
        Ok(product) if is_another(&visit.status(), &product) => denied(visit, link, facts, begun).await,
        Ok(product) => {
            link.connection.saw(id);
            visit.ctx.memory.with(&visit.uid, |entry| entry.lookups.shown(begun));
            Ok(Seen::Product(Box::new(product)))
        }
        Err(error) if error.is_not_found() => denied(visit, link, facts, begun).await,
        Err(error) => Err(error.into()),
    }
}

/// The vendor says that a product does not exist. One answer may be wrong, so a list is asked, too: the last one, unless it
/// shows the product, or is too old or began too soon to know it.
async fn denied(visit: &Visit<'_>, link: &Link, facts: &Facts, begun: Timestamp) -> Result<Seen, Error> {
    visit.ctx.memory.with(&visit.uid, |entry| entry.lookups.not_shown(sought(link, facts), facts, begun));
    if facts.deleted.is_some() {
        return Ok(Seen::Absent { listing: None });
    }
    let connection = &link.connection;
    let list = |begun_after| connection.inventory.list(&connection.cloud, begun_after, visit.call());
    let listing = list(agrees_after(facts)).await?;
    let shown = listing.begun < begun && !agrees(facts, &listing);
    Ok(Seen::Absent { listing: Some(if shown { list(begun).await? } else { listing }) })
}

/// Reads a product in full where its secret is needed.
pub async fn read_full(visit: &Visit<'_>, link: &Link, id: &str) -> Result<Observed, Error> {
    link.usable()?;
    let product = link.connection.cloud.read(id, visit.call()).await?;
    link.connection.saw(id);
    Ok(product)
}

/// What a list shows with our mark and is about to be recorded, read by its id where that can be. None if it is gone: a
/// list that lags shows it for a while, and perhaps not yet another that is there.
pub async fn confirmed(
    visit: &Visit<'_>,
    link: &Link,
    listed: Observed,
    claim: Claim,
) -> Result<Option<Observed>, Error> {
    let finds = claim == Claim::Mark && visit.recorded().is_none();
    if !finds || !link.connection.traits().reads_by_id {
        return Ok(Some(listed));
    }
    match read_full(visit, link, &listed.id).await {
        Ok(product) => Ok(Some(product)),
        Err(Error::Vendor(error)) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ids alone do not name a product for ever everywhere: its serial differs from the recorded one.
pub fn is_another(status: &IotProductStatus, product: &Observed) -> bool {
    matches!((&status.product_serial, &product.serial), (Some(ours), Some(shown)) if ours != shown)
}
