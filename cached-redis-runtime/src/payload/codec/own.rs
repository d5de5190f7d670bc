//! Codecs of the user.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecId, Refused, Unreadable, ValueCodec};
use crate::payload::{bounded, faith};
use crate::record;

/// A codec of your own, for `codec = MyCodec`.
///
/// ```
/// use cached_redis_runtime::{Codec, CodecError};
/// use serde::{Serialize, de::DeserializeOwned};
///
/// /// JSON with line breaks, to look at with `redis-cli`.
/// struct Pretty;
///
/// impl Codec for Pretty {
///     const ID: u8 = 0;
///
///     fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
///         serde_json::to_writer_pretty(out, value).map_err(CodecError::new)
///     }
///
///     fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
///         serde_json::from_slice(bytes).map_err(CodecError::new)
///     }
/// }
/// ```
///
/// The value that it is given refuses to be nested more than 127 lists or maps deep, on either way, so that no stack
/// overflows. A `Some(None)`, a `Some(())` and the like are refused too: many formats write them as `None`.
///
/// A value is not read by a function with another codec. The name of the value's type is all that tells one version
/// of it from another, so the format must be self-describing, with the names of fields, as JSON is. If it is not, bump
/// `version` with every change of the type.
pub trait Codec {
    /// Tells your codecs apart that share a server, from 0 to 127. Values of another codec are not read: change it
    /// when the format changes.
    const ID: u8;

    /// Appends a value to `out`.
    ///
    /// # Errors
    ///
    /// If this codec cannot carry the value. It is then not stored, and counted.
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a value from all of `bytes`, which anything that can write to the server may have made.
    ///
    /// # Errors
    ///
    /// If they are not one. That is a miss.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// A codec cannot write or read a value. Does not keep why: the message of a format may quote the value.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CodecError;

impl CodecError {
    /// Takes the place of the format's own error.
    #[must_use]
    pub fn new<E>(_error: E) -> Self {
        Self
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the codec cannot write or read this value")
    }
}

impl Error for CodecError {}

#[diagnostic::do_not_recommend]
impl<C: Codec> ValueCodec for C {
    const CODEC: CodecId = {
        assert!(C::ID < record::Codec::FIRST_OWN, "`Codec::ID` is a number from 0 to 127");
        CodecId(record::Codec::FIRST_OWN + C::ID)
    };

    fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Refused> {
        bounded::write(value, true, |value| C::encode(value, out).is_ok())
    }

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
        let read = C::decode::<bounded::Bounded<T>>(bytes);
        read.map(|bounded| bounded.0).map_err(|_| Unreadable::UNKNOWN)
    }

    fn difference(stored: &[u8], again: &[u8]) -> Option<String> {
        faith::difference_of_bytes(stored, again)
    }
}
