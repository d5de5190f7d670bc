//! MessagePack.

use rmp_serde::{Deserializer, Serializer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecId, Refused, Unreadable, ValueCodec};
use crate::payload::{bounded, faith};
use crate::record;

/// MessagePack with the names of fields: shorter than JSON, and read by a later version of the type as JSON is.
///
/// Unlike JSON it carries bytes as bytes, and numbers that are none (`NaN`, infinities).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MessagePack;

/// Nothing is deeper than this that [`bounded`] lets pass.
const DEPTH: usize = 1024;

impl ValueCodec for MessagePack {
    const CODEC: CodecId = CodecId(record::Codec::MessagePack.byte());

    fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Refused> {
        bounded::write(value, true, |value| {
            value.serialize(&mut Serializer::new(out).with_struct_map()).is_ok()
        })
    }

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
        let mut deserializer = Deserializer::from_read_ref(bytes);
        deserializer.set_max_depth(DEPTH);
        let read =
            bounded::read(&mut deserializer, bytes.len()).map_err(|_| Unreadable::UNKNOWN)?;
        // What follows a value is not its own.
        match <() as serde::Deserialize>::deserialize(&mut deserializer) {
            Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(read),
            _ => Err(Unreadable::UNKNOWN),
        }
    }

    fn difference(stored: &[u8], again: &[u8]) -> Option<String> {
        faith::difference_of_bytes(stored, again)
    }
}
