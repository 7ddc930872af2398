//! Keeps the memory of the process, which holds keys and product secrets, from other processes and from disk.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tracing::warn;

/// Forbids core dumps, and other processes of the same user to trace this one or to read its memory. A container's own user
/// is all that another process in the pod, such as one of `kubectl debug`, would need otherwise. Where a sandbox does not
/// allow it, the process works without and says so.
pub fn keep_memory_private() {
    if let Err(error) = forbid() {
        warn!(%error, "core dumps and reads of this process's memory are not forbidden");
    }
}

fn forbid() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
