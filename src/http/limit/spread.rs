//! Spreads callers that would otherwise come back all at once.

use std::hash::{BuildHasher, RandomState};

/// A random number of [0, 1). Decides nothing that must not be guessed.
pub(super) fn fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
