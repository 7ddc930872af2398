//! How much of the process's memory answers and lists may take, whatever the vendors send.
//!
//! **Answers.** A body is counted while it is read and until its meaning is known. The first [`PLAIN`] bytes of every answer are
//! covered by a place that each call can have; a longer body also needs one of a few wide places, which cover the longest
//! answer at once and are given to tenants in turn. Nobody who holds a wide place waits for anything but the vendor, and the call's deadline ends that. A
//! plain place is never needed by who holds a wide one. So places are always given back, and no two answers can wait for
//! each other, which they could if each took more and more of one shared sum.
//!
//! **Lists.** The products of a list are counted while its pages come in and as long as the list is kept. Every list may
//! grow as long as all of them together fit. When they do not, kept lists go first, the largest before the others: each can
//! be had from its vendor again. If that is not enough, the largest list that is being read ends with an error and gives all
//! back. So a vendor with an endless list ends its own list and not that of another account.

mod answers;
mod lists;

use std::sync::Arc;

pub use answers::{Answers, Place};
pub use lists::{Kept, Lists, Reading};

/// Bytes of an answer that need no wide place.
pub const PLAIN: usize = 256 * 1024;
/// Answers of up to [`PLAIN`] bytes at a time: more than the calls that a process has under way.
const PLAIN_PLACES: usize = 96;
/// Longer answers at a time.
const WIDE_PLACES: usize = 4;
/// Bytes of all lists together: those of 32 accounts with 1,500 products each.
const LISTS: usize = 48 * 1024 * 1024;

/// What all connections of the process share.
#[derive(Debug)]
pub struct Memory {
    /// Answers while they are read.
    pub answers: Answers,
    /// Lists while they are read and kept.
    pub lists: Arc<Lists>,
}

#[cfg(test)]
impl Memory {
    /// With so many bytes for all lists.
    pub(crate) fn of_lists(bytes: usize) -> Self {
        Self { lists: Arc::new(Lists::new(bytes)), ..Self::default() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { answers: Answers::new(PLAIN_PLACES, WIDE_PLACES), lists: Arc::new(Lists::new(LISTS)) }
    }
}
