//! What is stored under a key, byte by byte: a header of 64 bytes, stamps, then the payload.
//!
//! | bytes  | content |
//! |--------|---------|
//! | 0..2   | `CR` |
//! | 2      | format of the header, 1 |
//! | 3      | state: `L` lease, `V` value, `S` value marked stale |
//! | 4      | kind: 0 value, 1 absence |
//! | 5      | codec: 0 none, 1 JSON, 2 MessagePack, 3 postcard, 128 and above the user's own |
//! | 6      | seal: 0 none, 1 LZ4, 2 Zstandard; plus 16 if encrypted |
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
//! give a meaning to what is reserved, and a server can be shared with this one. What a header says is the same for
//! all programs, whichever features they have: a payload that one of them cannot open is replaced as well.

pub(crate) mod layout;
mod seal;

use std::time::Duration;

use bytes::Bytes;

use crate::group::Stamps;
use crate::lease::LeaseId;
pub(crate) use layout::HEADER;
use layout::{
    CODEC, IS_WRITE, KIND, LEASE, LOAD, MAGIC, REFRESH, RESERVED, SCHEMA, SEAL, SOFT, STATE, WORD,
    WORDS,
};
pub use seal::Compression;
pub(crate) use seal::Seal;

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

/// Which codec has written a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Json,
    MessagePack,
    Postcard,
    /// One of the user, by its whole byte.
    Own(u8),
}

impl Codec {
    /// Ours, by the byte that stands for each.
    pub(crate) const OURS: [Self; 4] = [Self::None, Self::Json, Self::MessagePack, Self::Postcard];
    /// From here on, a byte stands for a codec of the user.
    pub(crate) const FIRST_OWN: u8 = 128;

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Json => 1,
            Self::MessagePack => 2,
            Self::Postcard => 3,
            Self::Own(byte) => byte,
        }
    }

    pub(crate) fn of(byte: u8) -> Option<Self> {
        if byte >= Self::FIRST_OWN {
            return Some(Self::Own(byte));
        }
        Self::OURS.get(usize::from(byte)).copied()
    }
}

/// A header that could be read. Times are in milliseconds of the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) seal: Seal,
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
        if header.get(RESERVED)?.iter().any(|byte| *byte != 0) {
            return None;
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
            codec: Codec::of(header[CODEC])?,
            seal: Seal::of(header[SEAL])?,
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
    record[CODEC] = codec.byte();
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

/// Puts another payload, sealed in this way, in the place of the one that a record has.
pub(crate) fn replace_payload(record: &mut Vec<u8>, seal: Seal, payload: &[u8]) {
    let Some(Header { length, .. }) = Header::read(record) else { return };
    record.truncate(length);
    record.extend_from_slice(payload);
    record[SEAL] = seal.byte();
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
mod tests;
