//! Buckets: which entries are on one node of a cluster.
//!
//! A cluster divides its keys into [`SLOTS`] slots, by a hash of what stands between the first braces of a key. An entry,
//! its fence and the generations of its groups have to be on one node, in one slot: there a script may touch them
//! together, and the report of a changed generation comes before the reply to a later read of the entry. So the keys of
//! a namespace are divided into [`BUCKETS`] buckets, each with a hash tag of its own, and each group has a copy of its
//! generation in each bucket.

use crate::key::Key;

/// How many slots a cluster has.
pub(crate) const SLOTS: usize = 1 << 14;

/// How many buckets a namespace has. Each entry is in one, and each invalidation of a group concerns all. Processes that
/// share entries must agree on it, so it is no option.
pub(crate) const BUCKETS: usize = 64;

/// The number of a bucket.
pub(crate) type Bucket = usize;

/// The slot of a key.
pub(crate) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let hashed = match tag {
        Some((tag, _)) if !tag.is_empty() => tag,
        _ => key,
    };
    crc16(hashed.as_bytes()) % SLOTS as u16
}

/// CRC16/XMODEM, as the specification of Redis Cluster says.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// The buckets of one namespace.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// What the keys of each begin with, up to a colon: `shop:{x}`.
    namespaces: Vec<String>,
}

impl Buckets {
    pub(crate) fn new(namespace: &str) -> Self {
        Self { namespaces: tags().iter().map(|tag| format!("{namespace}:{{{tag}}}")).collect() }
    }

    /// What the key of an entry begins with.
    pub(crate) fn namespace_of(&self, key: &Key) -> &str {
        self.namespace(usize::try_from(key.spread() % BUCKETS as u64).unwrap_or_default())
    }

    /// What the keys of a bucket begin with.
    pub(crate) fn namespace(&self, bucket: Bucket) -> &str {
        &self.namespaces[bucket]
    }

    /// What the keys of each bucket begin with.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(String::as_str)
    }

    /// The bucket of a key that begins as these do.
    pub(crate) fn of(key: &str) -> Bucket {
        of_slot(slot_of(key))
    }
}

/// Each bucket has one slot of a range of its own, so they are spread over the nodes as their slots are.
fn of_slot(slot: u16) -> Bucket {
    usize::from(slot) * BUCKETS / SLOTS
}

/// The hash tag of each bucket: the first number, written to the base of 36, whose slot is in its range.
fn tags() -> Vec<String> {
    let mut tags = vec![String::new(); BUCKETS];
    let mut missing = BUCKETS;
    for number in 0_u32.. {
        let tag = in_base_36(number);
        let place = &mut tags[of_slot(slot_of(&tag))];
        if place.is_empty() {
            *place = tag;
            missing -= 1;
            if missing == 0 {
                break;
            }
        }
    }
    tags
}

fn in_base_36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Buckets, SLOTS, slot_of};
    use std::collections::BTreeSet;

    #[test]
    fn slots_are_those_of_the_specification() {
        // As `CLUSTER KEYSLOT` answers.
        for (key, slot) in [
            ("123456789", 0x31C3),
            ("foo", 12182),
            ("bar", 5061),
            ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443),
            // The first brace that opens, and the first that closes after it.
            ("foo{{bar}}zap", 4015),
            ("foo{bar}{zap}", 5061),
            // Nothing between them: the whole key counts.
            ("foo{}{bar}", 8363),
            ("", 0),
        ] {
            assert_eq!(slot_of(key), slot, "{key}");
        }
    }

    #[test]
    fn buckets_are_spread_evenly_over_the_slots_and_known_by_their_keys() {
        let buckets = Buckets::new("shop");
        let mut slots = BTreeSet::new();
        for bucket in 0..BUCKETS {
            let key = format!("{}:products:get:{{00}}", buckets.namespace(bucket));
            assert_eq!(Buckets::of(&key), bucket);
            let slot = usize::from(slot_of(&key));
            assert_eq!(slot / (SLOTS / BUCKETS), bucket, "{key}");
            slots.insert(slot);
        }
        assert_eq!(slots.len(), BUCKETS);
        // Processes of different versions must agree on them.
        assert_eq!(buckets.namespace(0), "shop:{10}");
        assert_eq!(buckets.namespace(63), "shop:{x}");
    }
}
