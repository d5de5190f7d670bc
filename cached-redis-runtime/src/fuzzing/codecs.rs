//! Payloads that a codec reads. What it reads it can write again, and that reads as the same.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::values::{Deep, Layers, Lists, Skipped};
use crate::payload::codec::samples::{Order, State};
use crate::payload::codec::{Json, MessagePack, Postcard, ValueCodec};

/// Not [`Layers`], which has one value that JSON can carry: it is read for ever if there is another.
pub(super) fn json(bytes: &[u8]) -> bool {
    all::<Json>(bytes) | named::<Json>(bytes)
}

pub(super) fn messagepack(bytes: &[u8]) -> bool {
    all::<MessagePack>(bytes) | named::<MessagePack>(bytes) | holds::<MessagePack, Layers>(bytes)
}

pub(super) fn postcard(bytes: &[u8]) -> bool {
    all::<Postcard>(bytes) | holds::<Postcard, Layers>(bytes)
}

/// What only a format with names reads, or reads at once: without them, some bytes are a million elements without any.
fn named<C: ValueCodec>(bytes: &[u8]) -> bool {
    holds::<C, serde_json::Value>(bytes)
        | holds::<C, Vec<Skipped>>(bytes)
        | holds::<C, Vec<()>>(bytes)
}

/// Whether it is a value of any of these types.
fn all<C: ValueCodec>(bytes: &[u8]) -> bool {
    holds::<C, Vec<Order>>(bytes)
        | holds::<C, Deep>(bytes)
        | holds::<C, Lists>(bytes)
        | holds::<C, BTreeMap<String, Vec<Option<State>>>>(bytes)
        | holds::<C, (f32, Option<String>, char, i64, bool)>(bytes)
}

fn holds<C: ValueCodec, T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(value) = C::read::<T>(bytes) else { return false };
    let written = written::<C, T>(&value);
    let again = C::read::<T>(&written).expect("what was written is read");
    assert_eq!(written, self::written::<C, T>(&again), "it reads as something else");
    assert_eq!(C::difference(&written, &written), None);
    true
}

fn written<C: ValueCodec, T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert_eq!(C::write(value, &mut bytes), Ok(()), "what was read is written");
    bytes
}
