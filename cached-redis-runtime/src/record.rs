//! What is stored under a key, byte by byte: a header of 64 bytes, stamps, then the payload.
//!
//! | bytes  | content |
//! |--------|---------|
//! | 0..2   | `CR` |
//! | 2      | format of the header, 1 |
//! | 3      | state: `L` lease, `V` value, `S` value marked stale |
//! | 4      | kind: 0 value, 1 absence |
//! | 5      | codec: 0 none, 1 JSON |
//! | 6      | reserved (compression, encryption): 0 |
//! | 7      | length of header and stamps in units of 8 bytes |
//! | 8..16  | schema of the value, little-endian |
//! | 16..40 | lease id; zeros once it has been given up |
//! | 40..48 | soft deadline: when the fresh life ends, in milliseconds of the server's clock; 0: with the entry |
//! | 48..56 | refresh deadline: until then somebody reloads the value, or nobody is to try |
//! | 56..60 | how long the load took, in milliseconds |
//! | 60     | 1: a lease of a write, for which nobody waits; else 0 |
//! | 61..64 | reserved: 0 |
//! | 64..   | stamps of 32 bytes: group, generation |
//!
//! The Lua scripts of the Redis store and the in-process store both work on these bytes.
//!
//! A record with anything else in its header cannot be read: it is a miss, and replaced. So a later version can
//! give a meaning to what is reserved (a payload that is compressed, say), and a server can be shared with this one.

pub(crate) mod layout;

use std::time::Duration;

use bytes::Bytes;

use crate::group::Stamps;
use crate::lease::LeaseId;
pub(crate) use layout::HEADER;
use layout::{
    CODEC, IS_WRITE, KIND, LEASE, LOAD, MAGIC, REFRESH, RESERVED, SCHEMA, SOFT, STATE, WORD, WORDS,
};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Somebody is loading.
    Lease = b'L' as isize,
    /// A value or an absence.
    Value = b'V' as isize,
    /// A value that was marked stale: its fresh life is over.
    Stale = b'S' as isize,
}

impl State {
    pub(crate) const ALL: [Self; 3] = [Self::Lease, Self::Value, Self::Stale];

    /// As it stands in a header.
    pub(crate) const fn byte(self) -> u8 {
        self as u8
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Value,
    Absence,
}

impl Kind {
    /// By the byte that stands for each.
    pub(crate) const ALL: [Self; 2] = [Self::Value, Self::Absence];
}

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Json,
}

impl Codec {
    /// By the byte that stands for each.
    pub(crate) const ALL: [Self; 2] = [Self::None, Self::Json];
}

/// A header that could be read. Times are in milliseconds of the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) schema: u64,
    pub(crate) lease: LeaseId,
    pub(crate) soft: Option<u64>,
    pub(crate) refresh: u64,
    pub(crate) load: Duration,
    pub(crate) is_write: bool,
    length: usize,
}

impl Header {
    /// Reads the header of a record; `None` if these bytes are not one of ours, or if they say anything that
    /// this version does not know.
    pub(crate) fn read(record: &[u8]) -> Option<Self> {
        let header = record.get(..HEADER)?;
        if header.get(..MAGIC.len())? != MAGIC {
            return None;
        }
        for reserved in RESERVED {
            if header.get(reserved)?.iter().any(|byte| *byte != 0) {
                return None;
            }
        }
        let length = usize::from(header[WORDS]) * WORD;
        if length < HEADER || length > record.len() {
            return None;
        }
        let number = |field| {
            Some(u64::from_le_bytes(header.get::<std::ops::Range<usize>>(field)?.try_into().ok()?))
        };
        let load = u32::from_le_bytes(header.get(LOAD)?.try_into().ok()?);
        Some(Self {
            state: State::ALL.into_iter().find(|state| state.byte() == header[STATE])?,
            kind: *Kind::ALL.get(usize::from(header[KIND]))?,
            codec: *Codec::ALL.get(usize::from(header[CODEC]))?,
            schema: number(SCHEMA)?,
            lease: LeaseId::from_slice(header.get(LEASE)?)?,
            soft: number(SOFT).filter(|soft| *soft != 0),
            refresh: number(REFRESH)?,
            load: Duration::from_millis(load.into()),
            is_write: match header[IS_WRITE] {
                0 => false,
                1 => true,
                _ => return None,
            },
            length,
        })
    }

    /// The stamps behind this header.
    pub(crate) fn stamps<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(HEADER..self.length).unwrap_or_default()
    }

    /// What stands behind this header and its stamps.
    pub(crate) fn payload<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.length..).unwrap_or_default()
    }
}

/// A record that could be read: its bytes, and its header, which is parsed once. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    bytes: Bytes,
    header: Header,
}

impl Record {
    /// `None` if these bytes are not a record of ours.
    pub(crate) fn read(bytes: impl Into<Bytes>) -> Option<Self> {
        let bytes = bytes.into();
        let header = Header::read(&bytes)?;
        Some(Self { bytes, header })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn stamps(&self) -> &[u8] {
        self.header.stamps(&self.bytes)
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.header.payload(&self.bytes)
    }

    /// Bytes, header and stamps among them.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A record to be stored, without its stamps and its lease yet: the header with room for it, and the
/// payload to be appended.
pub(crate) fn value(kind: Kind, codec: Codec, schema: u64) -> Vec<u8> {
    let mut record = vec![0; HEADER];
    record[..MAGIC.len()].copy_from_slice(MAGIC);
    record[STATE] = State::Value.byte();
    record[KIND] = kind as u8;
    record[CODEC] = codec as u8;
    record[WORDS] = words(HEADER);
    record[SCHEMA].copy_from_slice(&schema.to_le_bytes());
    record
}

/// There are 61 stamps at most: one of the function, 16 of tags from the arguments, 32 from the value.
fn words(length: usize) -> u8 {
    u8::try_from(length / WORD).unwrap_or(u8::MAX)
}

/// Puts stamps into a record.
pub(crate) fn stamp(record: &mut Vec<u8>, stamps: &Stamps) {
    let Some(Header { length, .. }) = Header::read(record) else { return };
    record.splice(length..length, stamps.bytes().iter().copied());
    record[WORDS] = words(length + stamps.bytes().len());
}

/// Writes the lease under which a record is stored into it.
pub(crate) fn sign(record: &mut [u8], lease: &LeaseId) {
    write(record, LEASE, lease.bytes());
}

/// Writes into a record how long its load took.
pub(crate) fn set_load(record: &mut [u8], load: Duration) {
    let millis = u32::try_from(load.as_millis()).unwrap_or(u32::MAX);
    write(record, LOAD, &millis.to_le_bytes());
}

/// Writes into a record when its fresh life ends; `None` for when the entry ends.
pub(crate) fn set_soft(record: &mut [u8], soft: Option<u64>) {
    write(record, SOFT, &soft.unwrap_or(0).to_le_bytes());
}

/// Writes into a record until when nobody else is to reload it.
pub(crate) fn set_refresh(record: &mut [u8], refresh: u64) {
    write(record, REFRESH, &refresh.to_le_bytes());
}

fn write(record: &mut [u8], field: std::ops::Range<usize>, bytes: &[u8]) {
    if let Some(field) = record.get_mut(field) {
        field.copy_from_slice(bytes);
    }
}

/// The record of a lease, as ACQUIRE writes it.
pub(crate) fn lease(id: &LeaseId, schema: u64, stamps: &Stamps, is_write: bool) -> Vec<u8> {
    let mut record = value(Kind::Value, Codec::None, schema);
    stamp(&mut record, stamps);
    record[STATE] = State::Lease.byte();
    record[IS_WRITE] = is_write.into();
    sign(&mut record, id);
    record
}

/// Turns a value into a stale one, or back.
pub(crate) fn set_stale(record: &mut [u8], stale: bool) {
    let state = if stale { State::Stale } else { State::Value };
    write(record, STATE..STATE + 1, &[state.byte()]);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Codec, HEADER, Header, Kind, State, lease, set_load, set_refresh, set_soft, set_stale,
        sign, stamp, value,
    };
    use crate::group::{Generation, Group, Stamp, Stamps};
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
    fn stamps_stand_between_header_and_payload() {
        let stamps = |tag: &str| -> Stamps {
            [Stamp { group: Group::tag(tag), generation: Generation::new([1; 8], 2) }]
                .into_iter()
                .collect()
        };
        let mut record = value(Kind::Value, Codec::Json, 7);
        record.extend_from_slice(b"payload");
        stamp(&mut record, &stamps("a"));
        stamp(&mut record, &stamps("b"));
        let header = Header::read(&record).expect("ours");
        assert_eq!(header.payload(&record), b"payload");
        assert_eq!(header.stamps(&record), [stamps("a").bytes(), stamps("b").bytes()].concat());
    }

    #[test]
    fn a_value_becomes_stale_and_fresh_again() {
        let mut record = value(Kind::Value, Codec::Json, 7);
        set_stale(&mut record, true);
        assert_eq!(Header::read(&record).map(|header| header.state), Some(State::Stale));
        set_stale(&mut record, false);
        assert_eq!(Header::read(&record).map(|header| header.state), Some(State::Value));
    }

    /// Format 1, byte for byte. What other versions and other languages have stored must stay readable: change
    /// the number of the format rather than these.
    const VALUE: &[u8] = b"CR\x01V\x00\x01\x00\x0c\
        \x08\x07\x06\x05\x04\x03\x02\x01\
        \x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\
        \x88\x77\x66\x55\x44\x33\x22\x11\
        \x99\0\0\0\0\0\0\0\
        \x2c\x01\0\0\
        \0\0\0\0\
        \xe4\xa1\x76\x78\x22\xcd\x27\x7a\x47\xb7\x6e\xe9\x9d\xc0\x87\x8c\
        \x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x05\0\0\0\0\0\0\0\
        {\"id\":7}";
    const LEASE_OF_A_WRITE: &[u8] = b"CR\x01L\x00\x00\x00\x08\
        \x08\x07\x06\x05\x04\x03\x02\x01\
        \x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\
        \0\0\0\0\
        \x01\0\0\0";
    const VECTOR_SCHEMA: u64 = 0x0102_0304_0506_0708;

    #[test]
    fn a_value_is_written_and_read_as_it_always_was() {
        let generation = Generation::new(std::array::from_fn(|at| 10 + at as u8), 5);
        let stamps: Stamps = [Stamp { group: Group::tag("a"), generation }].into_iter().collect();
        let mut record = value(Kind::Value, Codec::Json, VECTOR_SCHEMA);
        record.extend_from_slice(b"{\"id\":7}");
        stamp(&mut record, &stamps);
        sign(&mut record, &id());
        set_load(&mut record, Duration::from_millis(300));
        set_soft(&mut record, Some(0x1122_3344_5566_7788));
        set_refresh(&mut record, 0x99);
        assert_eq!(record, VALUE);
        let header = Header::read(VALUE).expect("ours");
        assert_eq!(
            header,
            Header {
                state: State::Value,
                kind: Kind::Value,
                codec: Codec::Json,
                schema: VECTOR_SCHEMA,
                lease: id(),
                soft: Some(0x1122_3344_5566_7788),
                refresh: 0x99,
                load: Duration::from_millis(300),
                is_write: false,
                length: HEADER + 32,
            }
        );
        assert_eq!(header.stamps(VALUE), stamps.bytes());
        assert_eq!(header.payload(VALUE), b"{\"id\":7}");
    }

    #[test]
    fn a_lease_is_written_and_read_as_it_always_was() {
        assert_eq!(lease(&id(), VECTOR_SCHEMA, &Stamps::default(), true), LEASE_OF_A_WRITE);
        let header = Header::read(LEASE_OF_A_WRITE).expect("ours");
        assert_eq!(
            (header.state, header.lease, header.soft, header.refresh, header.is_write),
            (State::Lease, id(), None, 0, true)
        );
    }

    #[test]
    fn what_this_version_does_not_know_makes_a_record_unreadable() {
        let unknown = |at: usize| -> Vec<u8> {
            match at {
                0..2 | 6 | 61..HEADER => (0..=255).collect(),
                2 => (0..=255).filter(|byte| *byte != 1).collect(),
                super::STATE => (0..=255).filter(|byte| !b"LVS".contains(byte)).collect(),
                super::KIND | super::CODEC | super::IS_WRITE => (2..=255).collect(),
                _ => Vec::new(),
            }
        };
        for sound in [VALUE, LEASE_OF_A_WRITE] {
            for at in 0..HEADER {
                for byte in unknown(at).into_iter().filter(|byte| *byte != sound[at]) {
                    let mut record = sound.to_vec();
                    record[at] = byte;
                    assert_eq!(Header::read(&record), None, "{byte} at {at}");
                }
            }
        }
    }

    #[test]
    fn a_header_longer_than_the_record_is_not_ours() {
        let mut record = value(Kind::Value, Codec::Json, 7);
        record[super::WORDS] = 255;
        assert_eq!(Header::read(&record), None);
        record[super::WORDS] = 0;
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
