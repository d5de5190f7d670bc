use std::time::Duration;

use super::{
    Codec, HEADER, Header, Kind, Seal, State, lease, set_load, set_refresh, set_soft, set_stale,
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
            seal: Seal::NONE,
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
            0..2 | 61..HEADER => (0..=255).collect(),
            2 => (0..=255).filter(|byte| *byte != 1).collect(),
            super::STATE => (0..=255).filter(|byte| !b"LVS".contains(byte)).collect(),
            super::KIND | super::IS_WRITE => (2..=255).collect(),
            super::CODEC => (4..128).collect(),
            super::SEAL => (3..16).chain(19..=255).collect(),
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
