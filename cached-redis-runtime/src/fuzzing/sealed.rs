//! Compressed payloads: never longer than the bound, and what is packed is unpacked.

use super::LONGEST;
use crate::payload::seal::Sealer;
use crate::record::{self, Codec, Compression, Kind, Record, Seal};

pub(super) const ENTRY: &str = "shop:products:get:{0123}";
pub(super) const SCHEMA: u64 = 7;

pub(super) fn lz4(bytes: &[u8]) -> bool {
    holds(Compression::Lz4, bytes)
}

pub(super) fn zstd(bytes: &[u8]) -> bool {
    holds(Compression::Zstd, bytes)
}

fn holds(compression: Compression, bytes: &[u8]) -> bool {
    let sealer =
        Sealer { entry: ENTRY, compression, encrypts: false, keys: None, longest: LONGEST };
    packs_and_unpacks(&sealer, bytes);
    let packed = record_of(Seal { compression, is_encrypted: false }, bytes);
    let Ok(payload) = sealer.open(&packed) else { return false };
    assert!(payload.len() <= LONGEST, "longer than what is read");
    packs_and_unpacks(&sealer, &payload);
    true
}

fn packs_and_unpacks(sealer: &Sealer<'_>, payload: &[u8]) {
    let mut record = record::value(Kind::Value, Codec::Json, SCHEMA);
    record.extend_from_slice(payload);
    sealer.seal(&mut record).expect("sealed");
    let record = Record::read(record).expect("a record");
    let opened = sealer.open(&record).expect("opened");
    assert!(*opened == *payload, "it is unpacked to something else");
}

/// A record with this payload, which says that it was sealed so.
pub(super) fn record_of(seal: Seal, payload: &[u8]) -> Record {
    let mut bytes = record::value(Kind::Value, Codec::Json, SCHEMA);
    record::replace_payload(&mut bytes, seal, payload);
    Record::read(bytes).expect("a record")
}
