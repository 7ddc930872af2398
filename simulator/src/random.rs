//! Seedable randomness for identifiers and for the probability of faults; nothing here guards anything.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A `SplitMix64` generator that many threads can draw from.
pub(crate) struct Random(AtomicU64);

impl Random {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(AtomicU64::new(seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()))))
    }

    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True with the given probability.
    pub(crate) fn chance(&self, probability: f64) -> bool {
        let draw = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        f64::from(draw) / (f64::from(u32::MAX) + 1.0) < probability
    }

    fn text(&self, length: usize, alphabet: &[u8]) -> String {
        (0..length)
            .map(|_| {
                let index = self.next() % alphabet.len() as u64;
                char::from(usize::try_from(index).ok().and_then(|i| alphabet.get(i)).copied().unwrap_or(b'A'))
            })
            .collect()
    }

    /// Ten upper-case letters and digits, as Tencent's product ids.
    pub(crate) fn product_id(&self) -> String {
        self.text(10, UPPER)
    }

    /// Twenty-four letters and digits, as Tencent's product secrets.
    pub(crate) fn product_secret(&self) -> String {
        self.text(24, MIXED)
    }

    /// So many letters and digits.
    pub(crate) fn mixed(&self, length: usize) -> String {
        self.text(length, MIXED)
    }

    /// A random UUID in its usual spelling.
    pub(crate) fn uuid(&self) -> String {
        let high = self.next() & 0xffff_ffff_ffff_0fff | 0x4000;
        let low = self.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_no_seed_gives_others() {
        let (a, b) = (Random::new(Some(7)), Random::new(Some(7)));
        let id = a.product_id();
        assert_eq!(id, b.product_id());
        assert_eq!(id.len(), 10);
        assert!(id.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{id}");
        assert_ne!(Random::new(None).next(), Random::new(None).next());
    }

    #[test]
    fn chances_follow_their_probability() {
        let random = Random::new(Some(1));
        assert!((0..100).all(|_| random.chance(1.0)));
        assert!((0..100).all(|_| !random.chance(0.0)));
        let hits = (0..10_000).filter(|_| random.chance(0.25)).count();
        assert!((2300..2700).contains(&hits), "{hits}");
    }

    #[test]
    fn uuids_are_version_4() {
        let uuid = Random::new(Some(3)).uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uuid}");
    }
}
