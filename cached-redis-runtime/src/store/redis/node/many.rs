//! The steps of a batch: one step on many entries, in one round trip.

use std::collections::HashMap;
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::time::Instant;

use super::Node;
use super::arguments::{AcquireArguments, FillArguments};
use super::batch::MakeCommand;
use super::groups::{Made, generation_of};
use super::look_up::{record, stamps_of};
use crate::error::Error;
use crate::group::{Generation, Group, Groups, Stamp, Stamps, stamps};
use crate::lease::{Acquire, Acquired, Fill, Filled};
#[cfg(feature = "local")]
use crate::store::ToRead;
use crate::store::redis::commands::{script_error, tracked_get};
use crate::store::redis::request::Request as _;
use crate::store::{Found, fence_key};

/// What is known of groups after a read.
type Current = HashMap<Group, Option<Generation>>;

impl Node {
    /// The records, and whether they count. One round trip where changes of groups are reported; elsewhere, or where a
    /// group is met for the first time, two at most.
    pub(in crate::store::redis) async fn read_many(
        &self,
        entries: &[(&str, &Groups)],
    ) -> Result<Vec<Option<Found>>, Error> {
        let by = self.to_read_many(entries);
        let read = by.read_each(entries.iter().map(|(key, groups)| (*key, *groups, false))).await?;
        self.learn_lengths(&read);
        Ok(read.into_iter().map(|(found, _)| found).collect())
    }

    /// The same, and whether the next change is reported of those that are to be watched.
    #[cfg(feature = "local")]
    pub(in crate::store::redis) async fn read_many_watched(
        &self,
        entries: &[ToRead<'_>],
    ) -> Result<Vec<(Option<Found>, bool)>, Error> {
        let is_tracked = self.is_tracked();
        let entries = entries
            .iter()
            .map(|&ToRead { key, groups, is_watched }| (key, groups, is_tracked && is_watched));
        let read = self.read_each(entries).await?;
        self.learn_lengths(&read);
        Ok(read)
    }

    /// How many entries are read at once; `None` if it is not known how long they are.
    pub(in crate::store::redis) fn reads_at_once(&self) -> Option<usize> {
        self.lengths.at_once()
    }

    fn learn_lengths(&self, read: &[(Option<Found>, bool)]) {
        self.lengths.learn(read.iter().filter_map(|(found, _)| Some(found.as_ref()?.record.len())));
    }

    async fn read_each<'a>(
        &self,
        entries: impl ExactSizeIterator<Item = (&'a str, &'a Groups, bool)> + Clone,
    ) -> Result<Vec<(Option<Found>, bool)>, Error> {
        // A group that was read before the entries could change before they are: generations come last.
        let asked = match self.is_tracked() {
            true => Vec::new(),
            false => distinct(entries.clone().flat_map(|(_, groups, _)| groups.of_value())),
        };
        let due = self.generations.due();
        let mut pipeline = redis::pipe();
        for (key, _, is_to_be_watched) in entries.clone() {
            if is_to_be_watched {
                tracked_get(&mut pipeline, key);
            } else {
                pipeline.cmd("GET").arg(key);
            }
        }
        for group in &asked {
            pipeline.cmd("GET").arg(group.key(&self.namespace));
        }
        for question in &due {
            tracked_get(&mut pipeline, &question.group().key(&self.namespace));
        }
        let mut answers = self.link.send(&pipeline).await?.into_iter();
        let mut records = Vec::with_capacity(entries.len());
        let mut watched = Vec::with_capacity(entries.len());
        for (_, _, is_to_be_watched) in entries {
            // On a connection that has changed meanwhile, this may be refused.
            watched.push(is_to_be_watched && matches!(answers.next(), Some(Value::Okay)));
            let answer = answers.next().ok_or_else(Error::protocol)?;
            records.push(record(Cmd::accept(answer))?);
        }
        let mut current = Current::new();
        for group in asked {
            let answer = answers.next().ok_or_else(Error::protocol)?;
            current.insert(group, generation_of(&Cmd::accept(answer)?));
        }
        self.learn_due(due, answers);
        let found = self.judge_many(records, current).await?;
        Ok(found.into_iter().zip(watched).collect())
    }

    /// Whether records count: by what this process knows, by what was read along with them, and by asking for the rest.
    async fn judge_many(
        &self,
        records: Vec<Option<Vec<u8>>>,
        mut current: Current,
    ) -> Result<Vec<Option<Found>>, Error> {
        let is_tracked = self.link.is_tracked();
        let mut verdicts = Vec::with_capacity(records.len());
        let mut unknown = Vec::new();
        for record in records.iter().map(Option::as_ref) {
            let stamps = record.map_or(&[][..], |record| stamps_of(record));
            let known = if is_tracked { self.generations.are_current(stamps) } else { None };
            let verdict = known.or_else(|| compare(stamps, &current));
            if verdict.is_none() {
                unknown.extend(crate::group::stamps(stamps).map(|stamp| stamp.group));
            }
            verdicts.push(verdict);
        }
        if !unknown.is_empty() {
            let groups = distinct(unknown.into_iter());
            let answers = self.ask(&groups, None).await?;
            current.extend(groups.into_iter().zip(answers));
        }
        let found = |(record, verdict): (Option<Vec<u8>>, Option<bool>)| {
            let record = record?;
            let is_current =
                verdict.or_else(|| compare(stamps_of(&record), &current)).unwrap_or(false);
            Some(Found { record, is_current })
        };
        Ok(records.into_iter().zip(verdicts).map(found).collect())
    }

    /// The stamps of entries, each `None` where one of its groups is fenced.
    pub(in crate::store::redis) async fn stamp_many(
        &self,
        entries: &[(&str, Vec<Group>)],
        life: Duration,
    ) -> Result<Vec<Option<Stamps>>, Error> {
        let groups = distinct(entries.iter().flat_map(|(_, groups)| groups.iter().copied()));
        if groups.is_empty() {
            return Ok(vec![Some(Stamps::default()); entries.len()]);
        }
        let known = match self.link.is_tracked() && !self.may_lag(&groups) {
            // Taken all at once, as for one entry.
            true => self.generations.stamps(&groups, life),
            false => None,
        };
        let current: Current = match known {
            Some(stamps) => {
                stamps.iter().map(|stamp| (stamp.group, Some(stamp.generation))).collect()
            }
            None => {
                let answers = self.ask(&groups, Some(Made::new(life))).await?;
                groups.into_iter().zip(answers).collect()
            }
        };
        let stamp = |group: &Group| {
            let generation = current.get(group).copied().flatten()?;
            Some(Stamp { group: *group, generation })
        };
        Ok(entries.iter().map(|(_, groups)| groups.iter().map(stamp).collect()).collect())
    }

    pub(in crate::store::redis) async fn acquire_many(
        &self,
        entries: &[(&str, Acquire<'_>)],
    ) -> Result<Vec<Result<Acquired, Error>>, Error> {
        let asked = Instant::now();
        let script = &self.scripts.acquire;
        let answers = self
            .script_many(entries, |(key, acquire), command| {
                let arguments = AcquireArguments::new(acquire);
                command(script, &[*key, &fence_key(key)], &arguments.all())
            })
            .await?;
        Ok(answers.into_iter().map(|answer| self.acquired(script_answer(answer)?, asked)).collect())
    }

    pub(in crate::store::redis) async fn fill_many(
        &self,
        entries: &[Fill<'_>],
    ) -> Result<Vec<Result<Filled, Error>>, Error> {
        let script = &self.scripts.fill;
        let lengths = entries.iter().map(|fill| fill.record.len());
        self.lengths.learn(lengths.clone());
        let answers = self
            .to_store(lengths.sum())
            .script_many(entries, |fill, command| {
                command(script, &[fill.key], &FillArguments::new(fill).all())
            })
            .await;
        entries.iter().for_each(|fill| self.changed(fill.key));
        let answers = answers?;
        let filled = |answer| match script_answer(answer)? {
            Value::Int(1) => Ok(Filled::Stored),
            Value::Int(_) => Ok(Filled::Lost),
            _ => Err(Error::protocol()),
        };
        Ok(answers.into_iter().map(filled).collect())
    }

    /// Runs a script for each item, in one round trip.
    async fn script_many<T>(
        &self,
        items: &[T],
        make: impl Fn(&T, MakeCommand) -> Cmd,
    ) -> Result<Vec<Value>, Error> {
        let answers = self.script_each(items, make, |_| {}).await?;
        if answers.len() == items.len() { Ok(answers) } else { Err(Error::protocol()) }
    }
}

fn script_answer(answer: Value) -> Result<Value, Error> {
    match answer {
        Value::ServerError(error) => Err(script_error(error.code(), error.details())),
        answer => Ok(answer),
    }
}

fn distinct(groups: impl Iterator<Item = Group>) -> Vec<Group> {
    let mut seen = std::collections::HashSet::new();
    groups.filter(|group| seen.insert(*group)).collect()
}

/// Whether stamps are current, by these answers; `None` if they do not say.
fn compare(all: &[u8], current: &Current) -> Option<bool> {
    let mut verdict = Some(true);
    for stamp in stamps(all) {
        match current.get(&stamp.group) {
            Some(generation) if *generation == Some(stamp.generation) => {}
            Some(_) => return Some(false),
            None => verdict = None,
        }
    }
    verdict
}
