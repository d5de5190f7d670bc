//! From a returned value to a payload and back: what knows bytes.
//!
//! A [`codec`] writes the value. What it has written is checked ([`faith`]) and sealed ([`seal`]), as the record says
//! that it goes into. On the way back it is opened, and read by the codec of the function. What is generic here is compiled for each function, so it is
//! little: the rest is in functions that know only bytes.

mod bounded;
pub(crate) mod codec;
mod compress;
#[cfg(feature = "encryption")]
mod encrypt;
pub(crate) mod faith;
#[cfg(feature = "postcard")]
mod fingerprint;
mod json;
#[cfg(not(feature = "encryption"))]
mod no_encryption;
pub(crate) mod seal;

use std::any::type_name;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::group::{Group, MOST_TAGS, TagText};
use crate::key::KeyError;
use crate::outcome::{Outcome, Storable, View};
use crate::panics::guarded;
use crate::record::{self, Codec, Header, Kind};
use codec::{Refused, ValueCodec};
#[cfg(feature = "encryption")]
pub use encrypt::KeyRing;
#[cfg(feature = "encryption")]
pub(crate) use encrypt::Keys;
use faith::ReadBack;
pub(crate) use faith::Unfaithful;
#[cfg(not(feature = "encryption"))]
pub(crate) use no_encryption::Keys;

/// What a returned value comes to.
#[derive(Debug)]
pub(crate) struct Encoding {
    /// To be stamped and signed.
    pub(crate) record: Vec<u8>,
    pub(crate) kind: Kind,
    /// Its fresh life, where the value decides.
    pub(crate) life: Option<Duration>,
    /// Groups that the value names.
    pub(crate) tags: Vec<Group>,
}

/// What decides about a value once it is encoded.
pub(crate) trait Gate {
    /// What may be stored of it.
    fn admit(&self, encoding: Encoding) -> Result<Option<Encoding>, Error>;
    /// Whether what may be stored is to be read back.
    fn is_check_due(&self) -> bool;
}

/// What a load has come to.
pub(crate) struct Assessed {
    /// The function has failed.
    pub(crate) is_error: bool,
    /// What is to be stored.
    pub(crate) encoded: Result<Option<Encoding>, Error>,
    /// Whether that reads back as what was returned, as far as it was tried.
    pub(crate) faith: Result<(), Unfaithful>,
}

/// Finds out what a function has returned. Without a gate, nothing of it is stored.
///
/// All that is not ours runs under one guard. What has been found out before it panics counts.
pub(crate) fn assess<O>(
    outcome: &O,
    returned: &O::Return,
    schema: u64,
    gate: Option<&dyn Gate>,
) -> Assessed
where
    O: Outcome,
    O::Value: Storable,
{
    let (mut is_error, mut encoded, mut read_back) = (false, None, None);
    guarded(|| {
        let view = outcome.view(returned);
        is_error = matches!(view, View::Error);
        let value = if let View::Value(value) = view { Some(value) } else { None };
        let Some(gate) = gate else { return };
        let admitted = encoded.insert(match encode_view(outcome, view, schema) {
            Ok(Some(encoding)) => gate.admit(encoding),
            other => other,
        });
        if let (Ok(Some(encoding)), Some(value)) = (admitted, value)
            && gate.is_check_due()
        {
            read_back = ReadBack::of(outcome, value, &encoding.record);
        }
    });
    let encoded = encoded.unwrap_or_else(|| gate.map_or(Ok(None), |_| Err(panicked())));
    let faith = match (&encoded, read_back) {
        (Ok(Some(encoding)), Some(read)) => {
            read.judge(payload(&encoding.record), O::Codec::difference)
        }
        _ => Ok(()),
    };
    Assessed { is_error, encoded, faith }
}

/// `None`: nothing to store.
pub(crate) fn encode<O>(
    outcome: &O,
    returned: &O::Return,
    schema: u64,
) -> Result<Option<Encoding>, Error>
where
    O: Outcome,
    O::Value: Storable,
{
    guarded(|| encode_view(outcome, outcome.view(returned), schema))
        .unwrap_or_else(|| Err(panicked()))
}

fn encode_view<O>(
    outcome: &O,
    view: View<'_, O::Value>,
    schema: u64,
) -> Result<Option<Encoding>, Error>
where
    O: Outcome,
    O::Value: Storable,
{
    match view {
        View::Value(value) => {
            check_layers(type_name::<O::Return>(), type_name::<O::Value>())?;
            let mut record = record::value(Kind::Value, O::Codec::CODEC.into(), schema);
            let written = O::Codec::write(value, &mut record);
            let (tags, life) = (outcome.tags(value), outcome.life(value));
            encoding(record, written, &tags, life).map(Some)
        }
        View::Absent => {
            let record = record::value(Kind::Absence, Codec::None, schema);
            Ok(Some(Encoding { record, kind: Kind::Absence, life: None, tags: Vec::new() }))
        }
        View::Error | View::Unwanted => Ok(None),
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Encode, "the value's own code, or that of an option, panicked")
}

fn encoding(
    record: Vec<u8>,
    written: Result<(), Refused>,
    tags: &[TagText],
    life: Option<Duration>,
) -> Result<Encoding, Error> {
    written.map_err(|refused| Error::new(ErrorKind::Encode, refused.to_string()))?;
    let tags = distinct(tags).map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))?;
    Ok(Encoding { record, kind: Kind::Value, life, tags })
}

/// Members of a list often share a tag.
fn distinct(tags: &[TagText]) -> Result<Vec<Group>, KeyError> {
    let mut groups = Vec::new();
    for tag in tags {
        if let Some(group) = tag.group()?
            && !groups.contains(&group)
        {
            groups.push(group);
        }
        // One more than are kept is enough to know that there are too many.
        if groups.len() > MOST_TAGS {
            break;
        }
    }
    Ok(groups)
}

/// A return type of which only an instance knows that it is a `Result` or an `Option`: its errors would be kept as
/// values, its absences for as long as those.
fn check_layers(returned: &str, stored: &str) -> Result<(), Error> {
    let has_layer = ["core::result::Result<", "core::option::Option<"]
        .iter()
        .any(|layer| returned.starts_with(layer));
    if has_layer && returned == stored {
        let why = "a generic function returned a `Result` or an `Option` that its signature does not name";
        return Err(Error::new(ErrorKind::Encode, why));
    }
    Ok(())
}

/// What stands in a record that is not sealed.
fn payload(record: &[u8]) -> &[u8] {
    Header::read(record).map_or(&[], |header| header.payload(record))
}

/// What the function returned when this was stored; `None` if that cannot be read. The payload is no longer sealed.
pub(crate) fn decode<O>(outcome: &O, header: &Header, payload: &[u8]) -> Option<O::Return>
where
    O: Outcome,
    O::Value: Storable,
{
    guarded(|| outcome.returned(value::<O::Codec, O::Value>(header, payload)?)).flatten()
}

/// The same, and hands a clone of the value on.
#[cfg(feature = "local")]
pub(crate) fn decode_and_copy<O>(
    outcome: &O,
    header: &Header,
    payload: &[u8],
    copy: impl FnOnce(Option<O::Value>),
) -> Option<O::Return>
where
    O: Outcome<Value: Clone>,
    O::Value: Storable,
{
    guarded(|| {
        let value = value::<O::Codec, O::Value>(header, payload)?;
        copy(value.clone());
        outcome.returned(value)
    })
    .flatten()
}

/// The value, or that there is none; `None` if it cannot be read. May panic.
pub(crate) fn value<C: ValueCodec, T: DeserializeOwned>(
    header: &Header,
    payload: &[u8],
) -> Option<Option<T>> {
    match header.kind {
        Kind::Absence => Some(None),
        Kind::Value => read::<C, T>(header, payload).map(Some),
    }
}

/// The value of a payload that is no longer sealed, whichever of our codecs has written it.
pub(crate) fn read_any<T: DeserializeOwned>(header: &Header, payload: &[u8]) -> Option<T> {
    match header.codec {
        Codec::Json => guarded(|| read::<codec::Json, T>(header, payload)).flatten(),
        #[cfg(feature = "messagepack")]
        Codec::MessagePack => guarded(|| read::<codec::MessagePack, T>(header, payload)).flatten(),
        #[cfg(feature = "postcard")]
        Codec::Postcard => guarded(|| read::<codec::Postcard, T>(header, payload)).flatten(),
        _ => None,
    }
}

/// The value of a payload that is no longer sealed, if this codec has written it.
fn read<C: ValueCodec, T: DeserializeOwned>(header: &Header, payload: &[u8]) -> Option<T> {
    if header.codec != Codec::from(C::CODEC) {
        return None;
    }
    C::read(payload).ok()
}
