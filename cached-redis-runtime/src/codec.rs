//! From a returned value to a record and back.

use serde::Serialize as _;

use crate::error::{Error, ErrorKind};
use crate::outcome::{Outcome, Storable, View};
use crate::record::{self, Codec, Header, Kind, State};

/// What a record means to a function.
#[derive(Debug)]
pub(crate) enum Decoded<R> {
    /// What the function returned when the record was made.
    Hit(R, Kind),
    /// Nothing to use: somebody loads, it is of another schema, or was marked stale.
    Miss,
    /// Rubbish, to be replaced.
    Unreadable,
}

/// What a returned value comes to.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// A record to store, and for how long it is to live.
    Record(Vec<u8>, Kind),
    /// Nothing to store.
    Nothing,
}

pub(crate) fn encode<O>(outcome: &O, returned: &O::Return, schema: u64) -> Result<Encoded, Error>
where
    O: Outcome,
    O::Value: Storable,
{
    Ok(match outcome.view(returned) {
        View::Value(value) => {
            let mut record = record::value(Kind::Value, Codec::Json, schema);
            // The error is not passed on: it may quote the value.
            value
                .serialize(&mut serde_json::Serializer::new(&mut record))
                .map_err(|_| Error::new(ErrorKind::Encode, "the value cannot be serialized"))?;
            Encoded::Record(record, Kind::Value)
        }
        View::Absent => {
            Encoded::Record(record::value(Kind::Absence, Codec::None, schema), Kind::Absence)
        }
        View::Error | View::Unwanted => Encoded::Nothing,
    })
}

pub(crate) fn decode<O>(outcome: &O, record: &[u8], schema: u64) -> Decoded<O::Return>
where
    O: Outcome,
    O::Value: Storable,
{
    let Some(header) = Header::read(record) else { return Decoded::Unreadable };
    if header.state != State::Value || header.schema != schema {
        return Decoded::Miss;
    }
    let returned = match (header.kind, header.codec) {
        (Kind::Absence, _) => outcome.absent(),
        (Kind::Value, Codec::Json) => {
            serde_json::from_slice(header.payload(record)).ok().map(|value| outcome.present(value))
        }
        (Kind::Value, Codec::None) => None,
    };
    returned.map_or(Decoded::Unreadable, |returned| Decoded::Hit(returned, header.kind))
}
