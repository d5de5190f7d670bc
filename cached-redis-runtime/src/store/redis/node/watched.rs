//! Entries whose changes the server reports.

use std::sync::Arc;
#[cfg(feature = "local")]
use std::time::Duration;

use redis::{Cmd, Value};

use super::Node;
#[cfg(feature = "local")]
use super::groups::Made;
use super::look_up::{record, stamps_of};
use crate::error::Error;
#[cfg(feature = "local")]
use crate::group::Group;
use crate::store::Found;
use crate::store::redis::commands::tracked_get;
use crate::store::redis::request::Request as _;
use crate::watched::Watched;

/// How long the number of a database stands at least while nobody asks for it.
#[cfg(feature = "local")]
const LIFE_OF_DATABASE: Duration = Duration::from_secs(24 * 60 * 60);

impl Node {
    /// The entries that are watched on this node's connection.
    pub(in crate::store::redis) fn watched(&self) -> &Arc<Watched> {
        self.generations.watched()
    }

    /// The record, and whether its next change is reported.
    pub(in crate::store::redis) async fn read_watched(
        &self,
        key: &str,
    ) -> Result<(Option<Found>, bool), Error> {
        let mut pipeline = redis::pipe();
        tracked_get(&mut pipeline, key);
        let mut answers = self.link.send(&pipeline).await?.into_iter();
        // On a connection that has changed meanwhile, this may be refused.
        let is_watched = matches!(answers.next(), Some(Value::Okay));
        let got = answers.next().ok_or_else(Error::protocol)?;
        let Some(record) = record(Cmd::accept(got))? else { return Ok((None, is_watched)) };
        let is_current = match self.knows_record(&record) {
            Some(is_current) => is_current,
            None => self.compare(stamps_of(&record)).await?,
        };
        Ok((Some(Found { record, is_current }), is_watched))
    }

    /// Asks for the number of the database, and whether that proves that every report before it has arrived.
    #[cfg(feature = "local")]
    pub(in crate::store::redis) async fn prove(&self) -> Result<bool, Error> {
        let asked = self.watched().asks();
        if !self.link.is_tracked() {
            return Ok(false);
        }
        let made = Made::new(LIFE_OF_DATABASE);
        let database = self.ask(&[Group::database()], Some(made)).await?;
        let number = database.first().copied().flatten();
        Ok(number.is_some_and(|number| self.watched().proves(asked, number)))
    }

    /// Whether stamps are current, as far as is known.
    pub(in crate::store::redis) fn knows_current(&self, stamps: &[u8]) -> Option<bool> {
        self.generations.are_current(stamps)
    }
}
