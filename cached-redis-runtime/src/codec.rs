//! From a returned value to a record and back.

mod faith;
mod json;

use std::any::type_name;
use std::time::Duration;

use serde::Serialize as _;

use crate::error::{Error, ErrorKind};
use crate::group::{Group, TagText};
use crate::outcome::{Outcome, Storable, View};
use crate::panics::guarded;
use crate::record::{self, Codec, Kind, Record};

pub(crate) use faith::Unfaithful;
pub(crate) use faith::check as check_faith;

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

/// Whether the function has failed.
pub(crate) fn is_error<O: Outcome>(outcome: &O, returned: &O::Return) -> bool {
    guarded(|| matches!(outcome.view(returned), View::Error)).unwrap_or(false)
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
    guarded(|| encode_or_panic(outcome, returned, schema)).unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Encode, "the value's own code, or that of an option, panicked"))
    })
}

fn encode_or_panic<O>(
    outcome: &O,
    returned: &O::Return,
    schema: u64,
) -> Result<Option<Encoding>, Error>
where
    O: Outcome,
    O::Value: Storable,
{
    match outcome.view(returned) {
        View::Value(value) => {
            check_layers(type_name::<O::Return>(), type_name::<O::Value>())?;
            json::check(value).map_err(|lost| lossy(&lost))?;
            let mut record = record::value(Kind::Value, Codec::Json, schema);
            let written = value.serialize(&mut serde_json::Serializer::new(&mut record));
            let (tags, life) = (outcome.tags(value), outcome.life(value));
            encoding(record, written.is_ok(), &tags, life).map(Some)
        }
        View::Absent => {
            let record = record::value(Kind::Absence, Codec::None, schema);
            Ok(Some(Encoding { record, kind: Kind::Absence, life: None, tags: Vec::new() }))
        }
        View::Error | View::Unwanted => Ok(None),
    }
}

fn lossy(lost: &json::Lost) -> Error {
    Error::new(ErrorKind::Encode, lost.to_string())
}

fn encoding(
    record: Vec<u8>,
    is_written: bool,
    tags: &[TagText],
    life: Option<Duration>,
) -> Result<Encoding, Error> {
    if !is_written {
        // The error is not passed on: it may quote the value.
        return Err(Error::new(ErrorKind::Encode, "the value cannot be serialized"));
    }
    let tags: Result<_, _> = tags.iter().map(|tag| tag.text().map(Group::tag)).collect();
    let tags = tags.map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))?;
    Ok(Encoding { record, kind: Kind::Value, life, tags })
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

/// What the function returned when this record was made; `None` if that cannot be read.
pub(crate) fn decode<O>(outcome: &O, record: &Record) -> Option<O::Return>
where
    O: Outcome,
    O::Value: Storable,
{
    guarded(|| match decode_value(record)? {
        Some(value) => Some(outcome.present(value)),
        None => outcome.absent(),
    })
    .flatten()
}

/// The value in a record, or that there is none; `None` if it cannot be read. May panic.
pub(crate) fn decode_value<V: Storable>(record: &Record) -> Option<Option<V>> {
    match (record.header().kind, record.header().codec) {
        (Kind::Absence, _) => Some(None),
        (Kind::Value, Codec::Json) => serde_json::from_slice(record.payload()).ok().map(Some),
        (Kind::Value, Codec::None) => None,
    }
}
