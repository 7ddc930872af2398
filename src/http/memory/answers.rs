//! Places for answers that are being read.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of the process.
#[derive(Debug)]
pub struct Answers {
    plain: Arc<Semaphore>,
    wide: Arc<Semaphore>,
}

/// The memory of one answer. Given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Answers {
    pub(super) fn new(plain: usize, wide: usize) -> Self {
        Self { plain: Arc::new(Semaphore::new(plain)), wide: Arc::new(Semaphore::new(wide)) }
    }

    /// Waits for the memory of an answer of up to [`PLAIN`](super::PLAIN) bytes.
    pub async fn plain(&self) -> Place {
        Self::place(&self.plain).await
    }

    /// Waits for the memory of the longest answer that is read.
    pub async fn wide(&self) -> Place {
        Self::place(&self.wide).await
    }

    /// The semaphores are never closed, so there is always a permit.
    async fn place(places: &Arc<Semaphore>) -> Place {
        Place { _permit: Arc::clone(places).acquire_owned().await.ok() }
    }
}
