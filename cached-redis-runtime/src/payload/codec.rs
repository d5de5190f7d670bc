//! How a value is written: JSON, MessagePack, postcard, or as the user says.

#[cfg(feature = "messagepack")]
mod messagepack;
mod own;
#[cfg(feature = "postcard")]
mod postcard;
#[cfg(any(fuzzing, all(test, feature = "messagepack", feature = "postcard")))]
pub(crate) mod samples;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{faith, json};
use crate::error::{Error, ErrorKind};
use crate::key;
use crate::record;
#[cfg(feature = "messagepack")]
pub use messagepack::MessagePack;
pub use own::{Codec, CodecError};
#[cfg(feature = "postcard")]
pub use postcard::Postcard;

/// A codec as the runtime uses it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a codec",
    label = "does not implement `cached_redis::Codec`",
    note = "write `codec = Json`, `codec = MessagePack`, `codec = Postcard` or the path of a type that implements `cached_redis::Codec`"
)]
pub trait ValueCodec {
    /// Which one it is, in a record.
    const CODEC: CodecId;

    /// What tells one version of a type from another, where what is written does not say what it is.
    #[must_use]
    fn fingerprint<T: DeserializeOwned>() -> Option<fn() -> Option<u64>> {
        None
    }

    /// Appends a value.
    ///
    /// # Errors
    ///
    /// If this codec cannot carry the value.
    fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Refused>;

    /// Reads a value from all of these bytes.
    ///
    /// # Errors
    ///
    /// If they are not one.
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable>;

    /// Where what was stored differs from what was written once it had been read again.
    #[must_use]
    fn difference(stored: &[u8], again: &[u8]) -> Option<String>;
}

/// Which codec has written a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecId(u8);

impl From<CodecId> for record::Codec {
    fn from(CodecId(byte): CodecId) -> Self {
        Self::of(byte).unwrap_or(Self::None)
    }
}

/// Finds out what a type is made of; `None` if it does not let itself be looked into.
pub(crate) type Fingerprint = fn() -> Option<u64>;

/// How the values of a function are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    codec: CodecId,
    fingerprint: Option<Fingerprint>,
}

impl Format {
    pub(crate) fn of<C: ValueCodec, T: DeserializeOwned>() -> Self {
        Self { codec: C::CODEC, fingerprint: C::fingerprint::<T>() }
    }

    pub(crate) fn codec(self) -> CodecId {
        self.codec
    }

    /// The schema of values in this format. A version that the user gives stands for what cannot be found out.
    pub(crate) fn schema(self, schema: u64, version: u32) -> Result<u64, Error> {
        let Self { codec: CodecId(byte), fingerprint } = self;
        if byte == record::Codec::Json.byte() {
            // As it was when there was no other.
            return Ok(schema);
        }
        let fingerprint = match fingerprint.map(|find| find()) {
            None => 0,
            Some(Some(fingerprint)) => fingerprint,
            Some(None) if version > 0 => 0,
            Some(None) => {
                let message = "this codec does not write the names of fields, and the type of the values does not let \
                               itself be looked into: write `version = 1`, and bump it with every change of the type";
                return Err(Error::new(ErrorKind::Policy, message));
            }
        };
        Ok(key::schema_of_format(schema, byte, fingerprint))
    }
}

/// Why a value is not written. Never says what the value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A `Some` that would be written as `null`.
    SomeNull,
    /// A reader would refuse it, and a value of any depth would overflow the stack.
    TooDeep,
    /// It refuses to be serialized at all.
    Itself,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SomeNull => {
                "the value has a `Some(None)` or the like, which is written as if it were `None`"
            }
            Self::TooDeep => "the value is nested too deeply",
            Self::Itself => "the value cannot be serialized",
        })
    }
}

impl std::error::Error for Refused {}

/// A payload that a codec cannot read, and the name of the field that is missing from it, if that is why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub(super) missing: Option<String>,
}

impl Unreadable {
    pub(super) const UNKNOWN: Self = Self { missing: None };
}

/// JSON: the default. Readable by people and other programs, and by a later version of the type.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Json;

impl ValueCodec for Json {
    const CODEC: CodecId = CodecId(record::Codec::Json.byte());

    fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Refused> {
        json::write(value, out)
    }

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
        serde_json::from_slice(bytes).map_err(json::unreadable)
    }

    fn difference(stored: &[u8], again: &[u8]) -> Option<String> {
        faith::difference_of_json(stored, again)
    }
}

#[cfg(all(test, feature = "messagepack", feature = "postcard"))]
mod tests;
