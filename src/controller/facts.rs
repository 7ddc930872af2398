//! What the decision is made from: the object, its account as it was found, and what is remembered of earlier look-ups.

use kube::ResourceExt;

use super::connect::Link;
use super::observe::{shown_here, sought};
use super::visit::Visit;
use crate::api::{Adoption, AdoptionPolicy, DeletionPolicy, DriftPolicy, FORCE_FORGET_ANNOTATION};
use crate::plan::{Check, Facts, Trust};

impl Visit<'_> {
    /// The facts of the object, and of its account where that could be found.
    pub fn facts(&self, link: Option<&Link>) -> Facts {
        let facts = self.own_facts();
        let Some(link) = link else { return facts };
        let sought = sought(link, &facts);
        let lookups = self.ctx.memory.with(&self.uid, |entry| entry.lookups);
        Facts {
            first_empty: lookups.missed(sought),
            deleted: lookups.deleted(sought),
            shown_here: shown_here(link, &self.uid, &facts),
            trust: link.trust,
            adoption: link.adoption,
            admitted: link.admitted,
            mark_seen: link.connection.inventory.shows_owner(&facts.mark),
            ..facts
        }
    }

    /// Without an account nothing may be taken over, nothing is shown or believed, and nobody admits the namespace.
    fn own_facts(&self) -> Facts {
        let spec = &self.object.spec;
        let status = self.object.status.as_ref();
        let recorded = self.recorded().map(str::to_owned);
        let forget = self.object.annotations().get(FORCE_FORGET_ANNOTATION);
        Facts {
            mark: self.mark.clone(),
            deleting: self.deleting(),
            suspended: spec.suspend,
            finalizer: self.object.is_held(),
            observe_only: self.observe_only(),
            corrects: spec.drift_policy == DriftPolicy::Correct,
            retain: spec.deletion_policy == DeletionPolicy::Retain,
            match_name: spec.adoption_policy == AdoptionPolicy::MatchName,
            adoption: Adoption::None,
            name: spec.name.clone(),
            serial: status.and_then(|status| status.product_serial.clone()),
            imported: spec.product_id.clone(),
            origin: status.and_then(|status| status.origin),
            admitted: false,
            adopted_mark: status.and_then(|status| status.adopted_mark.clone()),
            ledger: self.ledger(),
            first_empty: None,
            shown_here: false,
            trust: Trust::NewKey,
            mark_seen: false,
            name_busy: false,
            name_news: None,
            rival: self.rival(),
            deleted: None,
            check: self.check,
            force_forget: forget.is_some_and(|forget| forget == self.forgotten_by()),
            recorded,
            now: crate::clock::now(),
        }
    }

    /// Who else records the product with more right. Looked for before anything may be done to it.
    fn rival(&self) -> Option<String> {
        let looks = self.deleting() || self.check > Check::Rest || self.secret_due || self.password_due();
        looks.then(|| super::claims::rival(self.ctx, &self.object)).flatten()
    }
}
