//! Which entries have been read before.
//!
//! The server remembers for each connection which keys it has read, in a table that is bounded by keys: what is read
//! once is not worth a place there, nor one here. TinyLFU calls this a doorkeeper (Einziger, Friedman, Manes, "TinyLFU:
//! A Highly Efficient Cache Admission Policy", ACM ToS 2017). Here it is a table of fingerprints, of which a new one
//! replaces the one that it meets: no more than a hint, which is wrong once in four billion times and forgets what is
//! not read again soon.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};

/// 64 KiB.
const PLACES: usize = 1 << 14;

pub(super) struct Doorkeeper {
    hasher: RandomState,
    fingerprints: Box<[AtomicU32]>,
}

impl Default for Doorkeeper {
    fn default() -> Self {
        let fingerprints = (0..PLACES).map(|_| AtomicU32::new(0)).collect();
        Self { hasher: RandomState::new(), fingerprints }
    }
}

impl Doorkeeper {
    /// Whether this key has been seen before, as far as is remembered. Remembers it.
    pub(super) fn has_seen(&self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key);
        let place = hash as usize % PLACES;
        // Zero is nobody's.
        let fingerprint = (hash >> 32) as u32 | 1;
        let Some(place) = self.fingerprints.get(place) else { return false };
        place.swap(fingerprint, Ordering::Relaxed) == fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::{Doorkeeper, PLACES};

    #[test]
    fn what_is_read_again_is_known() {
        let doorkeeper = Doorkeeper::default();
        assert!(!doorkeeper.has_seen("a") && doorkeeper.has_seen("a"));
    }

    #[test]
    fn what_is_read_once_is_forgotten() {
        let doorkeeper = Doorkeeper::default();
        doorkeeper.has_seen("a");
        for other in 0..32 * PLACES {
            assert!(!doorkeeper.has_seen(&other.to_string()), "{other}");
        }
        assert!(!doorkeeper.has_seen("a"));
    }
}
