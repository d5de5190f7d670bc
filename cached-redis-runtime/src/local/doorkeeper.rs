//! Which entries have been read before.
//!
//! The server remembers for each connection which keys it has read, in a table that is bounded by keys: what is read
//! once is not worth a place there, nor one here. TinyLFU calls this a doorkeeper (Einziger, Friedman, Manes, "TinyLFU:
//! A Highly Efficient Cache Admission Policy", ACM ToS 2017). Here it is a table of fingerprints, in buckets of four, of
//! which the newest pushes out the oldest. It is a hint: it forgets what is not read again soon, and takes a key for
//! another one in a few of a billion times.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// So many keys are remembered, for four bytes each: a few times as many as the usual tier has copies.
const PLACES: usize = 1 << 18;
const WAYS: usize = 4;

#[derive(Default)]
pub(super) struct Doorkeeper {
    hasher: RandomState,
    /// Made when a function with `local` is first called.
    buckets: OnceLock<Box<[Bucket]>>,
}

type Bucket = [AtomicU32; WAYS];

impl Doorkeeper {
    /// Whether this key has been seen before, as far as is remembered. Remembers it.
    pub(super) fn has_seen(&self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key);
        // Zero is nobody's.
        let fingerprint = (hash >> 32) as u32 | 1;
        let buckets =
            self.buckets.get_or_init(|| (0..PLACES / WAYS).map(|_| Bucket::default()).collect());
        let Some(bucket) = buckets.get(hash as usize % (PLACES / WAYS)) else { return false };
        if bucket.iter().any(|place| place.load(Ordering::Relaxed) == fingerprint) {
            return true;
        }
        // Two at the same time may lose one of them.
        bucket.iter().fold(fingerprint, |next, place| place.swap(next, Ordering::Relaxed));
        false
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
        (0..8 * PLACES).for_each(|other| {
            doorkeeper.has_seen(&other.to_string());
        });
        assert!(!doorkeeper.has_seen("a"));
    }

    #[test]
    fn nearly_all_of_a_quarter_of_what_there_is_room_for_is_remembered() {
        let doorkeeper = Doorkeeper::default();
        let keys = || (0..PLACES / 4).map(|key| key.to_string());
        keys().for_each(|key| {
            doorkeeper.has_seen(&key);
        });
        let known = keys().filter(|key| doorkeeper.has_seen(key)).count();
        assert!(known > PLACES / 4 * 19 / 20, "{known}");
    }
}
