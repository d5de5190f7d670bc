//! postcard.

use ::postcard::ser_flavors::ExtendFlavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecId, Fingerprint, Refused, Unreadable, ValueCodec};
use crate::payload::{bounded, faith, fingerprint};
use crate::record;

/// postcard: the shortest, because it writes no names. Values of another version of the type are not read, and told
/// apart by a fingerprint of what the type is made of.
///
/// A type that does not let itself be looked into (it parses texts, as dates do) needs `version`. One that asks the
/// format what comes next (`untagged`, `flatten`) cannot be stored.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Postcard;

impl ValueCodec for Postcard {
    const CODEC: CodecId = CodecId(record::Codec::Postcard.byte());

    fn fingerprint<T: DeserializeOwned>() -> Option<Fingerprint> {
        Some(fingerprint::fingerprint::<T>)
    }

    fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Refused> {
        bounded::write(value, false, |value| {
            // What has failed is not stored, nor is what was there before.
            let flavor = ExtendFlavor::new(std::mem::take(out));
            ::postcard::serialize_with_flavor(value, flavor).map(|written| *out = written).is_ok()
        })
    }

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
        let mut deserializer = ::postcard::Deserializer::from_bytes(bytes);
        let read =
            bounded::read(&mut deserializer, bytes.len()).map_err(|_| Unreadable::UNKNOWN)?;
        // What follows a value is not its own.
        match deserializer.finalize() {
            Ok([]) => Ok(read),
            _ => Err(Unreadable::UNKNOWN),
        }
    }

    fn difference(stored: &[u8], again: &[u8]) -> Option<String> {
        faith::difference_of_bytes(stored, again)
    }
}
