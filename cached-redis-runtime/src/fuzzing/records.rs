//! Whole records, as a reader sees them: header, stamps, seal, payload.

use super::LONGEST;
use super::encrypted::{sealer, shop};
use super::sealed::{ENTRY, SCHEMA};
use crate::group::{Group, Groups};
use crate::judgement::{Judgement, judge};
use crate::payload::codec::samples::Order;
use crate::payload::codec::{Json, MessagePack, Postcard, ValueCodec};
use crate::payload::{self, seal::Sealer};
use crate::record::{self, Codec, HEADER, Header, Kind, Record, State};

/// The function's own.
const TAG: &str = "a";

/// What is an answer has all that the function asks for, and comes back as the same if it is stored again.
pub(super) fn record(bytes: &[u8]) -> bool {
    let Some(record) = Record::read(bytes.to_vec()) else { return false };
    let header = *record.header();
    assert_eq!(bytes.len(), HEADER + record.stamps().len() + record.payload().len());
    let groups = Groups { tags: vec![Group::tag(TAG)], ..Groups::default() };
    if judge(&record, SCHEMA, &groups, true, |_| false) != Judgement::Value {
        return false;
    }
    assert!(header.state != State::Lease && header.schema == SCHEMA && !record.stamps().is_empty());
    let sealer = sealer_of(&header);
    let Ok(payload) = sealer.open(&record) else { return false };
    assert!(payload.len() <= LONGEST.max(bytes.len()), "longer than what is read");
    match header.kind {
        Kind::Absence => true,
        Kind::Value => payload::read_any::<Vec<Order>>(&header, &payload)
            .is_some_and(|value| is_stored_again(&header, &sealer, &value)),
    }
}

fn is_stored_again(header: &Header, sealer: &Sealer<'_>, value: &Vec<Order>) -> bool {
    let written = written(header, value);
    let mut sealed = written.clone();
    sealer.seal(&mut sealed).expect("sealed");
    let record = Record::read(sealed).expect("a record");
    let payload = sealer.open(&record).expect("opened");
    let again = payload::read_any(record.header(), &payload).expect("what was stored is read");
    assert!(self::written(header, &again) == written, "it reads as something else");
    true
}

/// Seals as this was sealed.
fn sealer_of(header: &Header) -> Sealer<'static> {
    Sealer {
        compression: header.seal.compression,
        encrypts: header.seal.is_encrypted,
        ..sealer(ENTRY, shop())
    }
}

/// A record of these values, in the same format.
fn written(header: &Header, value: &Vec<Order>) -> Vec<u8> {
    let mut record = record::value(Kind::Value, header.codec, SCHEMA);
    let out = &mut record;
    let written = match header.codec {
        Codec::Json => Json::write(value, out),
        Codec::MessagePack => MessagePack::write(value, out),
        Codec::Postcard => Postcard::write(value, out),
        Codec::None | Codec::Own(_) => Ok(()),
    };
    assert_eq!(written, Ok(()), "what was read is written");
    record
}

#[cfg(test)]
pub(super) fn sound() -> Vec<Vec<u8>> {
    use crate::group::{Generation, Stamp, Stamps};
    let stamp = Stamp { group: Group::tag(TAG), generation: Generation::new([1; 8], 2) };
    let stamps: Stamps = std::iter::once(stamp).collect();
    let orders = Order::some();
    let mut sound = Vec::new();
    for seal in crate::record::Seal::bytes() {
        for codec in [Codec::Json, Codec::MessagePack, Codec::Postcard] {
            let mut of = record::value(Kind::Value, codec, SCHEMA);
            of[record::layout::SEAL] = seal;
            let header = Header::read(&of).expect("a header");
            // Long enough to be compressed.
            let value = orders.iter().cycle().take(40).cloned().collect();
            let mut record = written(&header, &value);
            sealer_of(&header).seal(&mut record).expect("sealed");
            record::stamp(&mut record, &stamps);
            sound.push(record);
        }
    }
    sound
}
