//! How a value is written: JSON.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{faith, json};
use crate::record;

/// A codec as the runtime uses it.
pub trait ValueCodec {
    /// Which one it is, in a record.
    const CODEC: CodecId;

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
#[derive(Clone, Copy, Debug)]
pub struct CodecId(u8);

impl From<CodecId> for record::Codec {
    fn from(CodecId(byte): CodecId) -> Self {
        Self::of(byte).unwrap_or(Self::None)
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
                "the value has a `Some(None)` or the like, which JSON cannot tell from `None`"
            }
            Self::TooDeep => "the value is nested too deeply",
            Self::Itself => "the value cannot be serialized",
        })
    }
}

/// A payload that a codec cannot read, and the name of the field that is missing from it, if that is why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub(super) missing: Option<String>,
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
