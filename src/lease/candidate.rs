//! What a candidate knows of the lease and does next. Pure: time is an argument, nothing is sent.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use tokio::time::Instant;

use super::LeaseSettings;

#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) settings: LeaseSettings,
    /// The foreign lease we saw last.
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    version: Option<String>,
    holder: String,
    /// Not before this can it have run out.
    until: Instant,
}

impl Seen {
    fn foreign(&self) -> Step {
        Step::Foreign { holder: self.holder.clone(), until: self.until }
    }
}

/// What a look at the lease means.
#[derive(Debug)]
pub(super) enum Step {
    /// It is free or ours: write this.
    Claim(Box<Lease>),
    /// Somebody else has it, at least until then.
    Foreign { holder: String, until: Instant },
}

impl Candidate {
    pub(super) fn new(settings: LeaseSettings) -> Self {
        Self { settings, seen: None }
    }

    /// What to write to renew `lease`, which is ours as last written.
    pub(super) fn renewal(&self, lease: &Lease) -> Lease {
        self.claim(lease.clone())
    }

    pub(super) fn is_ours(&self, lease: &Lease) -> bool {
        holder(lease) == Some(self.settings.identity.as_str())
    }

    /// The answer to a read, complete at `now`.
    pub(super) fn look(&mut self, found: Option<Lease>, now: Instant) -> Step {
        if let Some(lease) = found {
            let Some(other) = holder(&lease).filter(|_| !self.is_ours(&lease)) else {
                return Step::Claim(Box::new(self.claim(lease)));
            };
            let version = &lease.metadata.resource_version;
            if self.seen.as_ref().is_none_or(|seen| seen.version != *version) {
                let until = now + self.settings.duration.max(duration(&lease));
                self.seen = Some(Seen { version: version.clone(), holder: other.to_owned(), until });
            }
            match &self.seen {
                Some(seen) if now < seen.until => seen.foreign(),
                _ => Step::Claim(Box::new(self.claim(lease))),
            }
        } else {
            // Somebody has deleted it, which its holder does not know.
            match &self.seen {
                Some(seen) if now < seen.until => seen.foreign(),
                _ => Step::Claim(Box::new(self.fresh())),
            }
        }
    }

    fn fresh(&self) -> Lease {
        self.claim(Lease {
            metadata: ObjectMeta {
                name: Some(self.settings.name.clone()),
                namespace: Some(self.settings.namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        })
    }

    /// The same lease with us as its holder. The times are for people; no candidate reads them.
    fn claim(&self, lease: Lease) -> Lease {
        let time = Some(MicroTime(crate::clock::now()));
        let ours = self.is_ours(&lease);
        let old = lease.spec.unwrap_or_default();
        let transitions = old.lease_transitions.unwrap_or(0);
        let spec = LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: Some(whole_seconds(self.settings.duration)),
            acquire_time: if ours { old.acquire_time } else { time.clone() },
            renew_time: time,
            lease_transitions: Some(if ours { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        };
        Lease { metadata: lease.metadata, spec: Some(spec) }
    }

    /// The same lease without a holder.
    pub(super) fn released(lease: Lease) -> Lease {
        let spec = lease.spec.unwrap_or_default();
        let spec = LeaseSpec { holder_identity: None, lease_duration_seconds: Some(1), ..spec };
        Lease { metadata: lease.metadata, spec: Some(spec) }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

fn duration(lease: &Lease) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Rounded up: others must never wait for less than what we count on.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
