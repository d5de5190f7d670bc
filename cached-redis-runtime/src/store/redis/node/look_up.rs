//! Reading an entry, and whether it counts: in one round trip.

use redis::{Cmd, Value};

use super::Node;
use super::groups::generation_of;
use crate::error::Error;
use crate::group::{Group, Stamps, stamps};
use crate::record::Header;
use crate::store::Found;
use crate::store::redis::commands;
use crate::store::redis::request::{Get, Request as _};

impl Node {
    /// The record alone, with what is known of its stamps.
    ///
    /// What a hit rarely needs is on the heap, for the future of every hit is copied there.
    pub(in crate::store::redis) async fn read_alone(
        &self,
        key: &str,
        function: Option<Group>,
    ) -> Result<Option<Found>, Error> {
        let by = self.to_read(function);
        let due = by.generations.due();
        let got = match due.is_empty() {
            true => by.link.send(&Get(key)).await,
            false => Box::pin(by.get_and_refresh(key, due)).await,
        };
        let Some(record) = record(got)? else { return Ok(None) };
        self.learn_length(function, record.len());
        let is_current = match by.knows_record(&record) {
            Some(is_current) => is_current,
            None => Box::pin(by.compare(stamps_of(&record))).await?,
        };
        Ok(Some(Found { record, is_current }))
    }

    /// Whether the stamps of a record that was read just now are current, as far as is known.
    pub(super) fn knows_record(&self, record: &[u8]) -> Option<bool> {
        match Header::read(record) {
            None => Some(true),
            // After the reply: by now everything that came before it is known.
            Some(header) => self.generations.are_current(header.stamps(record)),
        }
    }

    /// The record, and the generation of the only group that it is known to be in.
    pub(in crate::store::redis) async fn read_with(
        &self,
        key: &str,
        function: Group,
    ) -> Result<Option<Found>, Error> {
        let by = self.to_read(Some(function));
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(key).cmd("GET").arg(function.key(&by.namespace));
        let mut answers = by.link.send(&pipeline).await?.into_iter();
        let (Some(found), Some(generation)) = (answers.next(), answers.next()) else {
            return Err(Error::protocol());
        };
        let Some(record) = record(Cmd::accept(found))? else { return Ok(None) };
        self.learn_length(Some(function), record.len());
        let current = generation_of(&Cmd::accept(generation)?);
        let is_current = match Header::read(&record) {
            None => true,
            Some(header) => {
                let mut others = Vec::new();
                let mut is_current = true;
                for stamp in stamps(header.stamps(&record)) {
                    if stamp.group == function {
                        is_current &= current == Some(stamp.generation);
                    } else {
                        others.push(stamp);
                    }
                }
                // Stored by a version of the function that had tags.
                let others: Stamps = others.into_iter().collect();
                is_current && (others.bytes().is_empty() || by.compare(others.bytes()).await?)
            }
        };
        Ok(Some(Found { record, is_current }))
    }

    /// The record and the generations of its groups, whichever they are.
    pub(in crate::store::redis) async fn look_up(
        &self,
        key: &str,
        function: Group,
    ) -> Result<Option<Found>, Error> {
        let by = self.to_read(Some(function));
        let namespace = by.namespace.as_bytes();
        let longest = by.link.longest_reply().to_string();
        let mut answers =
            match by.script(&by.scripts.look_up, &[key], &[namespace, longest.as_bytes()]).await {
                Ok(Value::Array(answers)) => answers.into_iter(),
                Ok(Value::Nil) => return Ok(None),
                Err(error) if commands::is_wrong_type(&error) => return Ok(Some(Found::rubbish())),
                Ok(_) => return Err(Error::protocol()),
                Err(error) => return Err(error),
            };
        let Some(Value::BulkString(record)) = answers.next() else { return Err(Error::protocol()) };
        self.learn_length(Some(function), record.len());
        let is_current = Header::read(&record).is_none_or(|header| {
            stamps(header.stamps(&record)).all(|stamp| {
                answers.next().and_then(|answer| generation_of(&answer)) == Some(stamp.generation)
            })
        });
        Ok(Some(Found { record, is_current }))
    }
}

pub(super) fn stamps_of(record: &[u8]) -> &[u8] {
    Header::read(record).map_or(&[], |header| header.stamps(record))
}

/// The answer to the GET of an entry.
pub(super) fn record(answer: Result<Value, Error>) -> Result<Option<Vec<u8>>, Error> {
    match answer {
        Ok(Value::BulkString(record)) => Ok(Some(record)),
        Ok(Value::Nil) => Ok(None),
        Ok(_) => Err(Error::protocol()),
        // Somebody else's key of another type: as good as an unreadable entry, and replaced like one.
        Err(error) if commands::is_wrong_type(&error) => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

impl Found {
    fn rubbish() -> Self {
        Self { record: Vec::new(), is_current: true }
    }
}
