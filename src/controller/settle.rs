//! A recorded product: mend what differs, then its Secret, then status. Secret before Ready.

use std::collections::BTreeMap;

use kube::ResourceExt;

use secrecy::SecretString;
use tokio::time::timeout;

use super::conclude;
use super::connect::Link;
use super::error::Error;
use super::notice::{NOTICE, Notice};
use super::observe::read_full;
use super::outcome::{Outcome, Settled};
use super::password::{self, Kept};
use super::visit::Visit;
use crate::api::{Reason, output_key};
use crate::plan::Check;
use crate::plan::desired::Desired;
use crate::plan::diff::{self, Drift, OWNERSHIP};
use crate::plan::origin::may_deliver;
use crate::record::RecordError;
use crate::record::observed::{from_status, origin};
use crate::record::secret::{self, Output, Stored};
use crate::vendor::{Changes, Class, Cloud, Observed, VendorError};

/// A product in our hands.
pub struct Held {
    product: Observed,
    created: bool,
}

impl Held {
    /// As last known or just read.
    pub fn known(product: Observed) -> Self {
        Self { product, created: false }
    }

    /// Just created; only its id is certain.
    pub fn created(product: Observed) -> Self {
        Self { product, created: true }
    }
}

/// Mends, writes the Secret, and tells what remains.
pub async fn settle(
    visit: &mut Visit<'_>,
    link: &Link,
    desired: &Desired,
    held: Held,
) -> Result<Outcome, Error> {
    let notice = Notice::of(visit);
    let settled = notice.beside(Box::pin(bring_about(visit, link, desired, held))).await;
    visit.go_on(settled)
}

async fn bring_about(
    visit: &mut Visit<'_>,
    link: &Link,
    desired: &Desired,
    held: Held,
) -> Result<Outcome, Error> {
    let traits = link.connection.traits();
    let Held { mut product, created } = held;
    if created && traits.sets_password {
        // Serial and user name are the vendor's to make and shown by a read alone.
        let shown = read_full(visit, link, &product.id).await?;
        let mut fields = shown.fields;
        fields.extend(product.fields);
        product = Observed { fields, serial: shown.serial, created_at: shown.created_at, ..product };
    } else if !created {
        product = link.connection.cloud.complete(product, &desired.fields, visit.call()).await?;
    }
    let origin = origin(&visit.status());
    let mut drift = diff::diff(desired, &product, &visit.mark, origin, traits);
    let creates = created || visit.creation_unfinished();
    let wrong = to_mend(visit, link, &drift, creates);
    diff::check_name(&wrong, traits)?;
    if let Some(changes) = diff::changes(&wrong, desired, &product, &visit.mark) {
        product = mend(visit, link, product, &wrong, &changes, creates).await?;
        drift = diff::diff(desired, &product, &visit.mark, origin, traits);
    }
    visit.seen = Some(product.clone());
    let (secret, password) = if traits.sets_password {
        keep_password(visit, link, &product, created).await?
    } else {
        (keep_secret(visit, link, &mut product, created).await?, None)
    };
    if visit.check == Check::Full {
        visit.ctx.memory.with(&visit.uid, |entry| entry.hint = false);
    }
    Ok(Outcome::Settled(Box::new(Settled { product, drift, secret, password })))
}

/// The differences that this visit may take away. With `Report` these are the ones that the owner's last edit
/// made: it is a wish, not drift. What is adopted was never compared before, so nothing there is an edit.
fn to_mend(visit: &Visit<'_>, link: &Link, drift: &[Drift], creates: bool) -> Vec<Drift> {
    if visit.corrects() || (creates && !visit.observe_only()) {
        return drift.to_vec();
    }
    let status = visit.status();
    let known = from_status(&status, &visit.mark, link.connection.traits());
    match known.filter(|_| visit.sets_edits_only() && (visit.edited() || !visit.ready())) {
        Some(known) => {
            let reported = |field| status.drift.iter().find(|d| d.field == field).map(|d| d.want.as_str());
            diff::edited(drift, &known, reported)
        }
        None => Vec::new(),
    }
}

/// Sends the changes. A vendor that takes its time with what its user waits for is shown.
async fn send(
    visit: &mut Visit<'_>,
    link: &Link,
    product: &Observed,
    changes: &Changes,
    created: bool,
) -> Result<Option<SecretString>, VendorError> {
    let mut sent = std::pin::pin!(link.connection.cloud.update(product.target(), changes, visit.call()));
    if let Ok(answer) = timeout(NOTICE, &mut sent).await {
        return answer;
    }
    // One without any condition is shown by the whole stage.
    if (created || visit.edited()) && !conclude::is_bare(visit) {
        let reason = if created { Reason::Creating } else { Reason::Updating };
        conclude::notice(visit, reason, "the vendor has not yet answered the change").await;
    }
    sent.await
}

/// Sends the changes and returns the product as it is then.
async fn mend(
    visit: &mut Visit<'_>,
    link: &Link,
    product: Observed,
    drift: &[Drift],
    changes: &Changes,
    created: bool,
) -> Result<Observed, Error> {
    link.usable()?;
    // What the user just wrote differs by intention.
    let drifted = !created && !visit.edited();
    for entry in drift.iter().filter(|entry| drifted && entry.mutable && entry.field != OWNERSHIP) {
        visit.ctx.metrics.drift_detected(entry.field);
    }
    let answered = send(visit, link, &product, changes, created).await;
    let secret = match answered {
        Ok(secret) => secret,
        Err(error) => {
            // What it did is not known, or it was refused for what the product is and that was not read just
            // now (a process that died may have carried the change out): the next visit reads.
            let outdated = !product.full && matches!(error.class, Class::Blocked | Class::Spec);
            let doubted = outdated || error.is_unclear() || error.is_not_found();
            visit.ctx.memory.with(&visit.uid, |entry| entry.hint = entry.hint || doubted);
            return Err(error.into());
        }
    };
    if !created {
        let fields: Vec<&str> = changes.set.keys().copied().collect();
        let note = format!("product {}: {} set as the manifest says", product.id, fields.join(", "));
        let reason = if visit.edited() { "Updated" } else { "DriftCorrected" };
        visit.ctx.events.normal(&visit.object, reason, "Update", &note).await;
    }
    let mut product = diff::applied(&product, changes);
    product.secret = secret.or(product.secret);
    Ok(product)
}

/// Whether the Secret is this object's to write. Watching a product that is not ours shows no secret of it.
fn writes_secret(visit: &Visit<'_>, link: &Link, product: &Observed) -> bool {
    if visit.observe_only() && !visit.looked {
        // Whose it is was decided when it was last looked at.
        return visit.status().secret_ref.is_some();
    }
    may_deliver(product, &visit.facts(Some(link)), &|head| visit.ctx.lives(head, &visit.uid))
}

/// Sets or verifies the password and the Secret that holds its one copy.
async fn keep_password(
    visit: &mut Visit<'_>,
    link: &Link,
    product: &Observed,
    created: bool,
) -> Result<(Option<String>, Option<Kept>), Error> {
    let name = visit.object.secret_name();
    let last = visit.status().secret_ref.map(|secret| secret.name);
    if visit.observe_only() {
        // Watching sets no password, and one that was set before stays where it is.
        return Ok((last, None));
    }
    let due = visit.secret_due || visit.password_due();
    if visit.check == Check::Rest && !due && last.as_deref() == Some(&name) {
        return Ok((Some(name), None));
    }
    let kept = password::keep(visit, link, product, created).await;
    if matches!(&kept, Err(Error::Vendor(error)) if error.is_not_found()) {
        // What was known of it is not so any more: the next visit reads.
        visit.ctx.memory.with(&visit.uid, |entry| entry.hint = true);
    }
    let kept = kept?;
    move_away(visit, last.as_deref(), &name).await?;
    Ok((Some(name), Some(kept)))
}

/// Verifies or writes the Secret. Asks the vendor only for a value that is missing or was altered.
async fn keep_secret(
    visit: &mut Visit<'_>,
    link: &Link,
    product: &mut Observed,
    created: bool,
) -> Result<Option<String>, Error> {
    if !writes_secret(visit, link, product) {
        return Ok(None);
    }
    let api = visit.ctx.secrets(&visit.namespace);
    let name = visit.object.secret_name();
    let last = visit.status().secret_ref.map(|secret| secret.name);
    // At rest an untouched object needs no look at its Secret until its turn comes.
    if visit.check == Check::Rest && !visit.secret_due && last.as_deref() == Some(&name) {
        return Ok(Some(name));
    }
    let lives = |uid: &str| visit.ctx.lives(uid, &visit.uid);
    let mut want = output(visit, link, product, &name);
    // What was just created has none, most likely.
    let mut stored = if created { None } else { secret::read(&api, &name).await? };
    let unknown = match &stored {
        Some(stored) => matches!(secret::compare(stored, &want, &lives), Stored::Unknown),
        None => secret::fresh(&want).is_none(),
    };
    if unknown {
        let read = read_full(visit, link, &product.id).await?;
        product.secret = read.secret.or(product.secret.take());
        product.created_at = read.created_at.or(product.created_at);
        product.fields.extend(read.fields);
        want = output(visit, link, product, &name);
        want.expected.retain(|key| want.made.contains_key(key));
    }
    if stored.is_none()
        && let Some(fresh) = secret::fresh(&want)
    {
        if secret::create(&api, &fresh).await?.is_some() {
            visit.ctx.metrics.secret_written();
            move_away(visit, last.as_deref(), &name).await?;
            return Ok(Some(name));
        }
        stored = secret::read(&api, &name).await?;
    }
    match stored.as_ref().map(|stored| (stored, secret::compare(stored, &want, &lives))) {
        Some((_, Stored::Same)) => {}
        Some((_, Stored::Foreign(message))) => return Err(RecordError::SecretConflict(message).into()),
        Some((stored, Stored::Differs(data))) => {
            secret::update(&api, stored, &want, data).await?;
            visit.ctx.metrics.secret_written();
            let note = format!("Secret {name} was brought back to what product {} has", product.id);
            visit.ctx.events.normal(&visit.object, "SecretRepaired", "WriteSecret", &note).await;
        }
        // It came or went while it was looked at.
        Some((_, Stored::Unknown)) | None => {
            return Err(RecordError::Conflict { what: "writing the output Secret" }.into());
        }
    }
    move_away(visit, last.as_deref(), &name).await?;
    Ok(Some(name))
}

/// A renamed Secret: the new one is written, so the old one can go.
async fn move_away(visit: &Visit<'_>, last: Option<&str>, name: &str) -> Result<(), Error> {
    if let Some(last) = last.filter(|last| *last != name) {
        secret::remove_ours(&visit.ctx.secrets(&visit.namespace), last, &visit.uid).await?;
    }
    Ok(())
}

/// What the output Secret is to hold of this product.
pub fn output(visit: &Visit<'_>, link: &Link, product: &Observed, name: &str) -> Output {
    let spec = &visit.object.spec;
    let template = spec.secret.clone().unwrap_or_default();
    let mut plain: BTreeMap<&'static str, String> = [
        (output_key::VENDOR, spec.vendor.to_string()),
        (output_key::PRODUCT_ID, product.id.clone()),
        (output_key::PRODUCT_NAME, product.name.clone()),
        (output_key::REGION, link.connection.region.clone()),
    ]
    .into();
    if let Some(endpoint) = link.connection.cloud.endpoint(&product.id) {
        plain.insert(output_key::ENDPOINT, endpoint);
    }
    let made = product.secret.clone().map(|value| (output_key::PRODUCT_SECRET, value)).into_iter().collect();
    let expected = link.connection.cloud.has_secret(&product.fields);
    Output {
        name: name.to_owned(),
        owner_uid: visit.object.uid().unwrap_or_default(),
        labels: template.labels,
        annotations: template.annotations,
        plain,
        made,
        expected: expected.then_some(output_key::PRODUCT_SECRET).into_iter().collect(),
    }
}
