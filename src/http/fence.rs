//! Whether this process may still act (protocol, Leadership).

use tokio::time::Instant;

/// Asked right before a vendor call is handed to the network.
pub trait Fence: Send + Sync {
    /// This process is the only one that acts until `until`, the deadline of the call to be sent.
    fn covers(&self, until: Instant) -> bool;
}

/// The fence of a process that runs without an election.
#[derive(Debug, Clone, Copy, Default)]
pub struct Always;

impl Fence for Always {
    fn covers(&self, _until: Instant) -> bool {
        true
    }
}
