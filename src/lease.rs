//! Leader election with a Lease (protocol, Leadership).
//!
//! The holder renews by replacing the Lease at the resourceVersion it knows. Nobody's wall clock is
//! believed: a foreign Lease has run out when *we* saw no change of it for its whole duration, and our own
//! counts from the moment the last successful renewal was *sent*. The clock also runs while the process is
//! stopped, so one that was paused knows at once that it leads no longer.

mod candidate;
mod store;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{debug, info, warn};

use crate::http::fence::Fence;
use candidate::{Candidate, Step};
use store::{KubeStore, Store, StoreError};

/// By this much a vendor call must be over before the lease is.
pub const MARGIN: Duration = Duration::from_secs(1);
/// How often a candidate looks, and a holder retries a failed renewal.
const RETRY: Duration = Duration::from_secs(2);
/// Longest wait for one answer of the API server.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Tries to give the lease back at the end.
const RELEASE_TRIES: u32 = 3;

/// Who asks for which lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Name of this process among the candidates; never used by another process, nor by an earlier one.
    pub identity: String,
    /// How long others wait after the last renewal they saw.
    pub duration: Duration,
    /// How often the holder renews.
    pub renew_every: Duration,
    /// How long after the last successful renewal the holder gives up.
    pub renew_deadline: Duration,
}

/// A name that no other process has had: the pod's or host's, and some random digits, for a container
/// that is started again in its pod is another process.
pub fn unique_identity(host: &str) -> String {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{host}_{random:016x}")
}

/// Why there is no leadership, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The times do not leave room for one another.
    #[error(
        "lease times must satisfy renew interval < renew deadline < lease duration - {MARGIN:?}; got {renew_every:?}, {renew_deadline:?}, {duration:?}"
    )]
    Times {
        /// How often the holder renews.
        renew_every: Duration,
        /// How long it tries.
        renew_deadline: Duration,
        /// How long the lease lasts.
        duration: Duration,
    },
    /// Another process took the lease.
    #[error("lease {lease} was taken over by {holder}")]
    TakenOver {
        /// Namespace and name of the lease.
        lease: String,
        /// The new holder.
        holder: String,
    },
    /// The lease could not be renewed in time.
    #[error("lease {lease} could not be renewed for {renew_deadline:?}")]
    NotRenewed {
        /// Namespace and name of the lease.
        lease: String,
        /// How long it was tried.
        renew_deadline: Duration,
    },
}

impl LeaseSettings {
    /// Checks the times against each other.
    pub fn check(&self) -> Result<(), LeaseError> {
        let Self { duration, renew_every, renew_deadline, .. } = *self;
        if Duration::ZERO < renew_every && renew_every < renew_deadline && renew_deadline + MARGIN < duration
        {
            Ok(())
        } else {
            Err(LeaseError::Times { renew_every, renew_deadline, duration })
        }
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Candidate,
    /// Nobody else acts before this.
    Leader {
        until: Option<Instant>,
    },
    Ended,
}

/// Why this process could not lead if it had to: `None` while the Lease can be read, and written where that is tried.
pub type Hindrance = Option<&'static str>;

const UNSEEN: Hindrance = Some("the Lease was not read yet");
const UNREADABLE: Hindrance = Some(
    "the Lease cannot be read: grant get, create and update of leases in its namespace, as docs/operations.md says, or \
     correct --lease-namespace",
);
const UNWRITABLE: Hindrance = Some(
    "the Lease cannot be written: grant create and update of leases in its namespace, as docs/operations.md says",
);

/// Whether this process leads. Clones share the answer.
#[derive(Clone, Debug)]
pub struct Leadership {
    standing: watch::Receiver<Standing>,
    hindrance: watch::Receiver<Hindrance>,
    /// Keeps the channel open when there is no election.
    _without_election: Option<std::sync::Arc<watch::Sender<Standing>>>,
}

impl Leadership {
    /// The leadership of a process that runs without an election: it leads, and never loses it.
    pub fn without_election() -> Self {
        let (sender, standing) = watch::channel(Standing::Leader { until: None });
        let (_, hindrance) = watch::channel(None);
        Self { standing, hindrance, _without_election: Some(std::sync::Arc::new(sender)) }
    }

    /// This process leads at this moment.
    pub fn is_leader(&self) -> bool {
        self.covers(Instant::now())
    }

    /// Waits until this process leads; never returns if the election ends first.
    pub async fn wait_leader(&self) {
        let mut standing = self.standing.clone();
        let leads = standing.wait_for(|standing| matches!(standing, Standing::Leader { .. })).await.is_ok();
        if !leads {
            std::future::pending::<()>().await;
        }
    }

    /// Tells whether this process could lead. The channel closes with the election.
    pub fn hindrance(&self) -> watch::Receiver<Hindrance> {
        self.hindrance.clone()
    }

    /// Waits until the election has ended for this process, by loss or by its own wish.
    pub async fn lost(&self) {
        let mut standing = self.standing.clone();
        // An error means that the election is gone, which ends it as well.
        drop(standing.wait_for(|standing| *standing == Standing::Ended).await);
    }
}

impl Fence for Leadership {
    fn covers(&self, until: Instant) -> bool {
        match *self.standing.borrow() {
            Standing::Leader { until: end } => end.is_none_or(|end| until <= end),
            Standing::Candidate | Standing::Ended => false,
        }
    }
}

/// This process's part in the election. To be run as a task of its own.
pub struct Election {
    inner: Run<KubeStore>,
}

/// An election for the Lease of `settings`; nothing happens before [`Election::run`].
pub fn election(client: Client, settings: LeaseSettings) -> Result<(Leadership, Election), LeaseError> {
    settings.check()?;
    let store = KubeStore::new(client, &settings.namespace, &settings.name);
    let (leadership, inner) = Run::new(store, settings);
    Ok((leadership, Election { inner }))
}

impl Election {
    /// Acquires and renews the lease until `stop` completes, then gives it back so that the next process
    /// need not wait. Ends with an error when the lease is lost: the process is to exit then.
    ///
    /// Whoever stops it must have ended its vendor calls first.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), LeaseError> {
        self.inner.run(stop).await
    }
}

impl std::fmt::Debug for Election {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Election").field("settings", &self.inner.candidate.settings).finish_non_exhaustive()
    }
}

struct Run<S> {
    store: S,
    candidate: Candidate,
    standing: watch::Sender<Standing>,
    hindrance: watch::Sender<Hindrance>,
}

/// Our lease as last written, and when that write was sent.
struct Held {
    lease: Lease,
    sent: Instant,
}

impl<S: Store> Run<S> {
    fn new(store: S, settings: LeaseSettings) -> (Leadership, Self) {
        let (sender, standing) = watch::channel(Standing::Candidate);
        let (hinders, hindrance) = watch::channel(UNSEEN);
        let leadership = Leadership { standing, hindrance, _without_election: None };
        let candidate = Candidate::new(settings);
        (leadership, Self { store, candidate, standing: sender, hindrance: hinders })
    }

    async fn run(mut self, stop: impl Future<Output = ()> + Send) -> Result<(), LeaseError> {
        let ended = tokio::select! {
            () = stop => Ok(()),
            error = self.lead() => Err(error),
        };
        self.standing.send_replace(Standing::Ended);
        if ended.is_ok() {
            self.release().await;
        }
        ended
    }

    /// Acquires and holds; returns why it was lost.
    async fn lead(&mut self) -> LeaseError {
        let settings = self.candidate.settings.clone();
        let mut held = loop {
            match self.try_to_acquire().await {
                Ok(held) => break held,
                Err(pause) => sleep(pause).await,
            }
        };
        info!(lease = settings.lease(), identity = settings.identity, "leading");
        loop {
            let until = held.sent + settings.duration - MARGIN;
            self.standing.send_replace(Standing::Leader { until: Some(until) });
            sleep_until(held.sent + settings.renew_every).await;
            held = match self.renew(held).await {
                Ok(held) => held,
                Err(error) => {
                    warn!(%error, "leadership lost");
                    return error;
                }
            }
        }
    }

    /// One look at the lease, and a claim if it is free; else how long to wait before the next.
    async fn try_to_acquire(&mut self) -> Result<Held, Duration> {
        let found = match timeout(REQUEST_TIMEOUT, self.store.read()).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                warn!(error = &error as &dyn std::error::Error, "cannot read the lease");
                self.hindrance.send_replace(UNREADABLE);
                return Err(RETRY);
            }
            Err(_) => {
                warn!("no answer to the reading of the lease");
                self.hindrance.send_replace(UNREADABLE);
                return Err(RETRY);
            }
        };
        match self.candidate.look(found, Instant::now()) {
            Step::Claim(lease) => {
                let sent = Instant::now();
                // Refused, or unclear: the next look finds out.
                match timeout(REQUEST_TIMEOUT, self.store.write(&lease)).await {
                    Ok(Ok(lease)) => {
                        self.hindrance.send_replace(None);
                        Ok(Held { lease, sent })
                    }
                    Ok(Err(error @ StoreError::Conflict)) => {
                        debug!(error = &error as &dyn std::error::Error, "lease not acquired");
                        self.hindrance.send_replace(None);
                        Err(RETRY)
                    }
                    Ok(Err(error)) => {
                        warn!(
                            error = &error as &dyn std::error::Error,
                            "cannot take the lease, which is free"
                        );
                        self.hindrance.send_replace(UNWRITABLE);
                        Err(RETRY)
                    }
                    Err(_) => Err(RETRY),
                }
            }
            Step::Foreign { holder, until } => {
                debug!(holder, "the lease is held");
                // Whether it can be written is known only when it is free.
                self.hindrance.send_replace(None);
                Err(RETRY.min(until - Instant::now()))
            }
        }
    }

    /// Renews the lease, trying until the deadline.
    async fn renew(&mut self, held: Held) -> Result<Held, LeaseError> {
        let (lease, renew_deadline) =
            (self.candidate.settings.lease(), self.candidate.settings.renew_deadline);
        let deadline = held.sent + renew_deadline;
        let mut wish = Box::new(self.candidate.renewal(&held.lease));
        loop {
            let sent = Instant::now();
            if sent >= deadline {
                return Err(LeaseError::NotRenewed { lease, renew_deadline });
            }
            match timeout_at(deadline.min(sent + REQUEST_TIMEOUT), self.store.write(&wish)).await {
                Ok(Ok(lease)) => return Ok(Held { lease, sent }),
                Ok(Err(StoreError::Conflict)) => debug!("the lease has changed"),
                Ok(Err(error)) => {
                    warn!(error = &error as &dyn std::error::Error, "cannot renew the lease");
                }
                Err(_) => warn!("no answer to the renewal of the lease"),
            }
            // A write without an answer may have happened; then the version is not the one we know.
            let wait = deadline.min(Instant::now() + REQUEST_TIMEOUT);
            if let Ok(Ok(found)) = timeout_at(wait, self.store.read()).await {
                match self.candidate.look(found, Instant::now()) {
                    Step::Claim(current) => wish = current,
                    Step::Foreign { holder, .. } => return Err(LeaseError::TakenOver { lease, holder }),
                }
            }
            sleep_until(deadline.min(sent + RETRY)).await;
        }
    }

    /// Gives the lease back if it is ours, by whatever write.
    async fn release(&self) {
        for _ in 0..RELEASE_TRIES {
            let attempt = async {
                match self.store.read().await? {
                    Some(found) if self.candidate.is_ours(&found) => {
                        self.store.write(&Candidate::released(found)).await.map(|_| true)
                    }
                    _ => Ok(false),
                }
            };
            match timeout(REQUEST_TIMEOUT, attempt).await {
                Ok(Ok(released)) => {
                    debug!(released, "election ended");
                    return;
                }
                Ok(Err(error)) => debug!(%error, "lease not released"),
                Err(_) => debug!("no answer to the release of the lease"),
            }
        }
    }
}
