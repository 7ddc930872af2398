//! One visit of one `IotProduct`: the object as it is known now, and the facts that the plan asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::Api;
use secrecy::SecretString;
use tokio::time::Instant;

use super::cached::revision;
use super::context::Context;
use super::error::Error;
use super::turns::Turn;
use crate::api::condition::READY;
use crate::api::{
    CREATION_ANNOTATION, Condition, DriftPolicy, FORCE_FORGET_ANNOTATION, IotProduct, IotProductStatus,
    ManagementPolicy, REQUESTED_AT_ANNOTATION, ROTATE_PASSWORD_ANNOTATION, Reason,
};
use crate::http::limit::Lane;
use crate::plan::Check;
use crate::plan::ledger::{Ledger, LedgerState};
use crate::plan::mark::Mark;
use crate::plan::origin::Origin;
use crate::record::{condition, status};
use crate::vendor::{Call, Field, Observed};

/// One visit.
pub struct Visit<'a> {
    /// What every visit shares.
    pub ctx: &'a Context,
    /// The object as last read or written.
    pub object: IotProduct,
    /// Its UID.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its mark.
    pub mark: Mark,
    /// Why it is looked at.
    pub check: Check,
    /// The output Secret is to be verified although nothing else asks for it.
    pub secret_due: bool,
    /// The vendor showed the product to this visit. What status remembers of it has no mark.
    pub looked: bool,
    /// The product as this visit knows it, for status when what comes after fails.
    pub seen: Option<Observed>,
    /// The check that was asked for and not carried out yet when the object was read for this visit.
    pub asked: Option<String>,
    /// This object's turn to create its name, where the vendor takes a name twice. It ends with the visit.
    pub turn: Option<Turn>,
    generation: i64,
    edited: bool,
    /// Version of the object as the store had it.
    stored: Option<u64>,
    /// When it began.
    pub begun: Instant,
}

impl<'a> Visit<'a> {
    /// Begins a visit of an object from the store.
    pub fn begin(ctx: &'a Context, object: IotProduct) -> Self {
        let uid = object.uid().unwrap_or_default();
        let (hint, secret_due) = ctx.memory.with(&uid, |entry| (entry.hint, entry.secret_due));
        let mut visit = Self {
            ctx,
            namespace: object.namespace().unwrap_or_default(),
            mark: ctx.mark(&object),
            check: Check::Rest,
            generation: object.metadata.generation.unwrap_or_default(),
            object,
            uid,
            secret_due,
            looked: false,
            seen: None,
            asked: None,
            turn: None,
            edited: false,
            stored: None,
            begun: Instant::now(),
        };
        visit.stored = revision(&visit.object);
        visit.look_at_wishes(hint);
        visit
    }

    /// What is asked of this visit. Our own writes answer with the object as it is by then; what a user asked
    /// for meanwhile is the next visit's.
    fn look_at_wishes(&mut self, hint: bool) {
        self.edited = self.status().observed_generation != self.generation;
        self.asked = self.check_now().map(str::to_owned);
        self.check = self.why(hint);
    }

    fn why(&self, hint: bool) -> Check {
        // What was not ours, or not there, is not known from status.
        let doubted = self.ready_reason().is_some_and(|reason| {
            [Reason::NameConflict, Reason::ProductMissing].iter().any(|doubt| doubt.as_str() == reason)
        });
        if hint || doubted || self.asked.is_some() {
            Check::Full
        } else if self.edited || !self.ready() {
            Check::Edit
        } else {
            Check::Rest
        }
    }

    /// The value of the check-now annotation, if it was not carried out yet.
    fn check_now(&self) -> Option<&str> {
        let asked = self.object.annotations().get(REQUESTED_AT_ANNOTATION)?;
        let handled =
            self.object.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref());
        (handled != Some(asked)).then_some(asked.as_str())
    }

    /// The manifest changed since it was last applied.
    pub fn edited(&self) -> bool {
        self.edited
    }

    /// Ready is True.
    pub fn ready(&self) -> bool {
        self.condition().is_some_and(|ready| ready.status == "True")
    }

    /// Reason of Ready.
    pub fn ready_reason(&self) -> Option<String> {
        self.condition().map(|ready| ready.reason.clone())
    }

    /// When it was last looked at, another had the product.
    pub fn disputed(&self) -> bool {
        self.ready_reason().as_deref() == Some(Reason::NameConflict.as_str())
    }

    fn condition(&self) -> Option<&Condition> {
        condition::get(&self.object.status.as_ref()?.conditions, READY)
    }

    /// Generation of the manifest that this visit acts on. The object may have been edited since: our own
    /// writes answer with the newer one, which is not applied yet.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Status, the default where there is none yet.
    pub fn status(&self) -> IotProductStatus {
        self.object.status.clone().unwrap_or_default()
    }

    /// The recorded product.
    pub fn recorded(&self) -> Option<&str> {
        self.object.product_id()
    }

    /// The wish for a new password, carried out or not.
    pub fn rotation(&self) -> Option<String> {
        self.object.annotations().get(ROTATE_PASSWORD_ANNOTATION).cloned()
    }

    /// When the password is to be looked at next.
    pub fn password_due_at(&self) -> Option<Timestamp> {
        self.object.status.as_ref()?.password_due_at.as_ref()?.parse().ok()
    }

    /// A password is to be sent once more, or a new one is wished for.
    pub fn password_due(&self) -> bool {
        let rotation = self.rotation();
        let handled = self.object.status.as_ref().and_then(|status| status.last_handled_rotation.clone());
        rotation.is_some_and(|asked| handled != Some(asked))
            || self.password_due_at().is_some_and(|due| due <= crate::clock::now())
    }

    /// The recorded product was created or taken over by this object.
    pub fn owns_recorded(&self) -> bool {
        let origin = self.object.status.as_ref().and_then(|status| status.origin);
        self.recorded().is_some() && matches!(origin, Some(Origin::Created | Origin::Adopted))
    }

    /// A product of our own making has not been brought to what the manifest says even once.
    pub fn creation_unfinished(&self) -> bool {
        let status = self.object.status.as_ref();
        status.is_some_and(|s| s.origin == Some(Origin::Created) && s.secret_ref.is_none())
    }

    /// A deletion was asked for.
    pub fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// The value of annotation `force-forget` that lets this object go.
    pub fn forgotten_by(&self) -> &str {
        self.recorded().unwrap_or(&self.uid)
    }

    /// What annotation `force-forget` says, where a deletion is under way and it names something else.
    pub fn forgets_another(&self) -> Option<&str> {
        let forget = self.object.annotations().get(FORCE_FORGET_ANNOTATION)?;
        (self.deleting() && forget != self.forgotten_by()).then_some(forget)
    }

    /// `managementPolicy: ObserveOnly`.
    pub fn observe_only(&self) -> bool {
        self.object.spec.management_policy == ManagementPolicy::ObserveOnly
    }

    /// `driftPolicy: Correct`.
    pub fn corrects(&self) -> bool {
        self.object.spec.drift_policy == DriftPolicy::Correct && !self.observe_only()
    }

    /// `driftPolicy: Report` of a product that is managed: what its owner edits is set, and nothing else.
    pub fn sets_edits_only(&self) -> bool {
        self.object.spec.drift_policy == DriftPolicy::Report && !self.observe_only()
    }

    /// What this object sent under its name is known.
    pub fn settle_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.is_clear(crate::clock::now());
        }
    }

    /// The products of the namespace.
    pub fn api(&self) -> Api<IotProduct> {
        self.ctx.products(&self.namespace)
    }

    /// A bound vendor operation in the lane that this visit deserves.
    pub fn call(&self) -> Call {
        let lane = if self.deleting() {
            Lane::Delete
        } else if self.recorded().is_none() {
            Lane::Create
        } else if self.edited() {
            Lane::Edit
        } else {
            Lane::Drift
        };
        Call::within(lane, self.ctx.settings.vendor_timeout).of(&self.namespace)
    }

    /// Remembers the last write of this visit, so that the next one knows an older copy when it sees one.
    pub fn remember_version(&self) {
        let version = revision(&self.object);
        if version == self.stored {
            return;
        }
        self.ctx.memory.with(&self.uid, |entry| entry.written = entry.written.max(version));
    }

    /// Remembers that the object is not as this visit knows it, or may not be: the next one reads it, whatever
    /// the store shows, before it asks the vendor anything.
    pub fn doubt_version(&self) {
        let newer = revision(&self.object).map(|version| version.saturating_add(1));
        self.ctx.memory.with(&self.uid, |entry| entry.written = entry.written.max(newer));
    }

    /// Reads the object anew where a creation may be decided (protocol, Create 1), or where the store is known to
    /// lag behind our own writes. `false` when the object is gone.
    pub async fn make_live(&mut self) -> Result<bool, Error> {
        let settled = self.recorded().is_some() || self.object.spec.suspend;
        if !self.is_behind() && (settled || self.untouched()) {
            return Ok(true);
        }
        match status::live(&self.api(), &self.object).await? {
            Some(object) => {
                self.generation = object.metadata.generation.unwrap_or_default();
                self.object = object;
                self.look_at_wishes(self.check == Check::Full);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The store shows the object as it was before this process last wrote it, or let it go.
    pub fn is_behind(&self) -> bool {
        if self.ctx.finalizers.is_released(&self.uid) {
            return true;
        }
        revision(&self.object) < self.ctx.memory.with(&self.uid, |entry| entry.written)
    }

    /// Nothing was attempted for the object. What is done for it first is a write that holds only for the version
    /// that is known here, and only then is the vendor asked to change anything: a read would prove no more.
    fn untouched(&self) -> bool {
        let attempted =
            self.status().creation_attempt.is_some() || self.status().previous_product_id.is_some();
        let annotated = self.object.annotations().contains_key(CREATION_ANNOTATION);
        !self.deleting() && !attempted && !annotated && self.ledger().is_none()
    }

    /// The ledger: the annotation, unless memory or status has seen a higher attempt, or it is damaged. What
    /// a user's edit made unreadable counts as an attempt whose outcome is unclear.
    pub fn ledger(&self) -> Option<Ledger> {
        let text = self.object.annotations().get(CREATION_ANNOTATION);
        let (now, limit) = (crate::clock::now(), self.ctx.settings.vendor_timeout);
        let written =
            text.and_then(|text| Ledger::parse(text, &self.uid)).map(|ledger| ledger.by(now, limit));
        let status_attempt =
            self.object.status.as_ref().and_then(|status| status.creation_attempt).unwrap_or(0);
        let status_attempt = u32::try_from(status_attempt).unwrap_or(0);
        let settled = |ledger: &Ledger| ledger.attempt == status_attempt && self.recorded().is_some();
        self.ctx.memory.with(&self.uid, |entry| {
            if let (None, Some(written)) = (&entry.ledger, written.as_ref().filter(|ledger| settled(ledger)))
            {
                return Some(written.clone().recorded(status_attempt));
            }
            // A product that is found without any attempt has a ledger of attempt zero while it is recorded.
            let known = entry.ledger.as_ref().map(|ledger| ledger.attempt);
            let (remembered, attempt) = (known.unwrap_or(0), written.as_ref().map(|ledger| ledger.attempt));
            if attempt > known && attempt >= Some(status_attempt) {
                entry.ledger = written.clone().map(Box::new);
            } else if remembered < status_attempt
                || text.is_some_and(|text| Ledger::unreadable(text)) && remembered == 0
            {
                entry.ledger = Some(Box::new(self.unclear(status_attempt.max(1))));
            }
            // Only what is written can be settled by status: what stands in for a lost one may be a later one.
            match &written {
                Some(written) if entry.ledger.as_deref() == Some(written) => {
                    Some(written.clone().recorded(status_attempt))
                }
                _ => entry.ledger.as_deref().cloned(),
            }
        })
    }

    /// An open ledger in place of one that was lost.
    fn unclear(&self, attempt: u32) -> Ledger {
        Ledger {
            uid: self.uid.clone(),
            connection: String::new(),
            name: self.object.spec.name.clone(),
            attempt,
            deadline: crate::clock::now() + self.ctx.settings.vendor_timeout,
            state: LedgerState::Open,
            taken: None,
            again: None,
        }
    }

    /// Secret inputs of create and delete, read from the Secrets that the manifest names.
    pub async fn inputs(&self) -> Result<BTreeMap<Field, SecretString>, Error> {
        let mut inputs = BTreeMap::new();
        for (field, reference) in crate::vendor::inputs(&self.object.spec) {
            let value =
                super::connect::secret_value(self.ctx, &self.namespace, &reference.name, &reference.key)
                    .await?;
            inputs.insert(field, value);
        }
        Ok(inputs)
    }

    /// How long failures last, counting this one.
    pub fn failing(&self) -> (u32, Duration) {
        self.ctx.memory.with(&self.uid, |entry| {
            entry.failures = entry.failures.saturating_add(1);
            let since = *entry.failing_since.get_or_insert_with(Instant::now);
            (entry.failures, since.elapsed())
        })
    }
}
