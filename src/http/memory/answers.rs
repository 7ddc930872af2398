//! Places for answers that are being read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::slots::{Claimant, Slot, Slots, Urgency};

/// The places of the process.
#[derive(Debug)]
pub struct Answers {
    plain: Arc<Semaphore>,
    wide: Slots,
}

/// The memory of one answer. Given back when it is dropped.
#[derive(Debug)]
pub enum Place {
    /// For a short one.
    Plain(Option<OwnedSemaphorePermit>),
    /// For a long one.
    Wide(Option<Slot>),
}

impl Answers {
    pub(super) fn new(plain: usize, wide: usize) -> Self {
        Self { plain: Arc::new(Semaphore::new(plain)), wide: Slots::new(wide) }
    }

    /// Waits for the memory of an answer of up to [`PLAIN`](super::PLAIN) bytes. The semaphore is never closed, so there is
    /// always a permit.
    pub async fn plain(&self) -> Place {
        Place::Plain(Arc::clone(&self.plain).acquire_owned().await.ok())
    }

    /// Waits for the memory of the longest answer that is read, in turn with other tenants: one whose vendor sends long
    /// answers slowly leaves places to the others. The places are never closed.
    pub async fn wide(&self, tenant: &str) -> Place {
        let claimant =
            Claimant { namespace: tenant.to_owned(), account: String::new(), urgency: Urgency::Edit };
        Place::Wide(self.wide.take(claimant).await)
    }
}
