//! What is stored under a key, byte by byte: a header of 64 bytes, then the payload.
//!
//! | bytes  | content |
//! |--------|---------|
//! | 0..2   | `CR` |
//! | 2      | format of the header, 1 |
//! | 3      | state: `L` lease, `V` value, `S` value marked stale, `T` tombstone |
//! | 4      | kind: 0 value, 1 absence |
//! | 5      | codec: 0 none, 1 JSON |
//! | 6      | reserved (compression, encryption) |
//! | 7      | header length in units of 8 bytes |
//! | 8..16  | schema of the value, little-endian |
//! | 16..40 | lease id |
//! | 40..60 | reserved (soft deadline, refresh deadline, load time) |
//! | 60..64 | reserved |
//!
//! The Lua scripts of the Redis store and the in-process store both work on these bytes.

use crate::lease::LeaseId;

pub(crate) const HEADER: usize = 8 * HEADER_WORDS as usize;
const HEADER_WORDS: u8 = 8;
const MAGIC: &[u8; 3] = b"CR\x01";
const STATE: usize = 3;
const KIND: usize = 4;
const CODEC: usize = 5;
const HEADER_LENGTH: usize = 7;
const SCHEMA: std::ops::Range<usize> = 8..16;
const LEASE: std::ops::Range<usize> = 16..40;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Somebody is loading.
    Lease,
    /// A value or an absence.
    Value,
    /// A value that was marked stale: a miss.
    Stale,
    /// Nothing may be stored until it ends.
    Tombstone,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Value,
    Absence,
}

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Json,
}

/// A header that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) schema: u64,
    pub(crate) lease: LeaseId,
    length: usize,
}

impl Header {
    /// Reads the header of a record; `None` if these bytes are not one of ours.
    pub(crate) fn read(record: &[u8]) -> Option<Self> {
        let header = record.get(..HEADER)?;
        if header.get(..MAGIC.len())? != MAGIC {
            return None;
        }
        let length = usize::from(header[HEADER_LENGTH]) * 8;
        if length < HEADER || length > record.len() {
            return None;
        }
        Some(Self {
            state: match header[STATE] {
                b'L' => State::Lease,
                b'V' => State::Value,
                b'S' => State::Stale,
                b'T' => State::Tombstone,
                _ => return None,
            },
            kind: match header[KIND] {
                0 => Kind::Value,
                1 => Kind::Absence,
                _ => return None,
            },
            codec: match header[CODEC] {
                0 => Codec::None,
                1 => Codec::Json,
                _ => return None,
            },
            schema: u64::from_le_bytes(header.get(SCHEMA)?.try_into().ok()?),
            lease: LeaseId::from_slice(header.get(LEASE)?)?,
            length,
        })
    }

    /// What stands behind this header.
    pub(crate) fn payload<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.length..).unwrap_or_default()
    }
}

/// A record to be stored, without its lease id yet: the header with room for it, and the payload
/// to be appended.
pub(crate) fn value(kind: Kind, codec: Codec, schema: u64) -> Vec<u8> {
    let mut record = vec![0; HEADER];
    record[..MAGIC.len()].copy_from_slice(MAGIC);
    record[STATE] = b'V';
    record[KIND] = match kind {
        Kind::Value => 0,
        Kind::Absence => 1,
    };
    record[CODEC] = match codec {
        Codec::None => 0,
        Codec::Json => 1,
    };
    record[HEADER_LENGTH] = HEADER_WORDS;
    record[SCHEMA].copy_from_slice(&schema.to_le_bytes());
    record
}

/// Writes the lease under which a record is stored into it.
pub(crate) fn sign(record: &mut [u8], lease: &LeaseId) {
    if let Some(field) = record.get_mut(LEASE) {
        field.copy_from_slice(lease.bytes());
    }
}

/// The record of a lease, as ACQUIRE writes it.
pub(crate) fn lease(id: &LeaseId, schema: u64) -> Vec<u8> {
    let mut record = value(Kind::Value, Codec::None, schema);
    record[STATE] = b'L';
    sign(&mut record, id);
    record
}

/// Turns a value into a stale one; `false` if it is none.
pub(crate) fn mark_stale(record: &mut [u8]) -> bool {
    match Header::read(record) {
        Some(Header { state: State::Value, .. }) => {
            record[STATE] = b'S';
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Codec, HEADER, Header, Kind, State, lease, mark_stale, sign, value};
    use crate::lease::{LeaseId, Nonce};
    use proptest::prelude::*;

    fn id() -> LeaseId {
        LeaseId::new(Nonce { process: 1, sequence: 2 }, 3)
    }

    #[test]
    fn a_value_reads_back() {
        let mut record = value(Kind::Absence, Codec::Json, 7);
        sign(&mut record, &id());
        record.extend_from_slice(b"payload");
        let header = Header::read(&record).expect("ours");
        assert_eq!(
            (header.state, header.kind, header.codec, header.schema, header.lease),
            (State::Value, Kind::Absence, Codec::Json, 7, id())
        );
        assert_eq!(header.payload(&record), b"payload");
    }

    #[test]
    fn only_values_become_stale() {
        let mut record = value(Kind::Value, Codec::Json, 7);
        assert!(mark_stale(&mut record));
        assert_eq!(Header::read(&record).map(|header| header.state), Some(State::Stale));
        assert!(!mark_stale(&mut record));
        assert!(!mark_stale(&mut lease(&id(), 7)));
        assert!(!mark_stale(&mut [0; 3]));
    }

    #[test]
    fn a_header_longer_than_the_record_is_not_ours() {
        let mut record = value(Kind::Value, Codec::Json, 7);
        record[super::HEADER_LENGTH] = 255;
        assert_eq!(Header::read(&record), None);
        record[super::HEADER_LENGTH] = 0;
        assert_eq!(Header::read(&record), None);
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2 * HEADER)) {
            if let Some(header) = Header::read(&bytes) {
                let _ = header.payload(&bytes);
            }
        }

        #[test]
        fn a_damaged_header_never_panics(at in 0..HEADER, byte: u8, cut in 0..=HEADER) {
            let mut record = value(Kind::Value, Codec::Json, 7);
            record[at] = byte;
            record.truncate(cut);
            if let Some(header) = Header::read(&record) {
                let _ = header.payload(&record);
            }
        }
    }
}
