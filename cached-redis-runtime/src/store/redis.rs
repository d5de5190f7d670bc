//! The store on a Redis or Valkey server: one connection, shared.

mod batch;
mod commands;
mod connect;
mod credentials;
mod generations;
mod greeting;
mod groups;
mod line;
mod link;
mod removal;
mod request;
mod scripts;
mod server_clock;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::time::Instant;

use crate::error::Error;
use crate::group::{Generation, Group, Groups, Stamp, Stamps, stamps};
use crate::health::Condition;
use crate::lease::{
    Acquire, Acquired, FenceId, Filled, Intent, LONGEST_LEASE, LeaseId, Life, Nonce,
};
use crate::loss::Losses;
use crate::record::Header;
use crate::stats::ConnectionCounters;
use crate::store::{Found, Operation, Store, fence_key};
use commands::{by_digest, by_text, integer, millis, millis_or_none};
use connect::time;
pub use credentials::Credentials;
pub(crate) use credentials::Provider;
#[cfg(test)]
pub(in crate::store) use generations::OLDEST;
use groups::{Made, generation_of};
pub(crate) use link::{Link, LinkSettings, Source};
use request::{Get, Request as _};
use scripts::{Script, Scripts};

pub(crate) struct RedisStore {
    link: Link,
    scripts: &'static Scripts,
    namespace: String,
}

impl RedisStore {
    pub(crate) fn new(link: Link, namespace: &str) -> Self {
        Self { link, scripts: Scripts::get(), namespace: namespace.to_owned() }
    }

    /// Runs a script by its digest, by its text where the server has lost it.
    async fn script(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Error> {
        match self.link.send(&by_digest(script, keys, arguments)).await {
            Err(error) if link::is_no_script(&error) => {
                self.link.send(&by_text(script, keys, arguments)).await
            }
            answer => answer,
        }
    }

    async fn flag(&self, script: &Script, key: &str, arguments: &[&[u8]]) -> Result<bool, Error> {
        Ok(integer(self.script(script, &[key], arguments).await?)? == 1)
    }

    /// The record alone, with what is known of its stamps.
    ///
    /// What a hit rarely needs is on the heap, for the future of every hit is copied there.
    async fn read_alone(&self, key: &str) -> Result<Option<Found>, Error> {
        let due = self.link.generations().due();
        let got = match due.is_empty() {
            true => self.link.send(&Get(key)).await,
            false => Box::pin(self.get_and_refresh(key, due)).await,
        };
        let Some(record) = record(got)? else { return Ok(None) };
        let is_current = match Header::read(&record) {
            None => true,
            Some(header) => {
                let stamps = header.stamps(&record);
                // After the reply: by now everything that came before it is known.
                match self.link.generations().are_current(stamps) {
                    Some(is_current) => is_current,
                    None => Box::pin(self.compare(stamps)).await?,
                }
            }
        };
        Ok(Some(Found { record, is_current }))
    }

    /// The record, and the generation of the only group that it is known to be in.
    async fn read_with(&self, key: &str, function: Group) -> Result<Option<Found>, Error> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(key).cmd("GET").arg(function.key(&self.namespace));
        let mut answers = self.link.send(&pipeline).await?.into_iter();
        let (Some(found), Some(generation)) = (answers.next(), answers.next()) else {
            return Err(Error::protocol());
        };
        let Some(record) = record(Cmd::accept(found))? else { return Ok(None) };
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
                is_current && (others.bytes().is_empty() || self.compare(others.bytes()).await?)
            }
        };
        Ok(Some(Found { record, is_current }))
    }

    /// The record and the generations of its groups, whichever they are.
    async fn look_up(&self, key: &str) -> Result<Option<Found>, Error> {
        let namespace = self.namespace.as_bytes();
        let longest = self.link.longest_reply().to_string();
        let mut answers = match self
            .script(&self.scripts.look_up, &[key], &[namespace, longest.as_bytes()])
            .await
        {
            Ok(Value::Array(answers)) => answers.into_iter(),
            Ok(Value::Nil) => return Ok(None),
            Err(error) if link::is_wrong_type(&error) => return Ok(Some(Found::rubbish())),
            Ok(_) => return Err(Error::protocol()),
            Err(error) => return Err(error),
        };
        let Some(Value::BulkString(record)) = answers.next() else { return Err(Error::protocol()) };
        let is_current = Header::read(&record).is_none_or(|header| {
            stamps(header.stamps(&record)).all(|stamp| {
                answers.next().and_then(|answer| generation_of(&answer)) == Some(stamp.generation)
            })
        });
        Ok(Some(Found { record, is_current }))
    }
}

/// The answer to the GET of an entry.
fn record(answer: Result<Value, Error>) -> Result<Option<Vec<u8>>, Error> {
    match answer {
        Ok(Value::BulkString(record)) => Ok(Some(record)),
        Ok(Value::Nil) => Ok(None),
        Ok(_) => Err(Error::protocol()),
        // Somebody else's key of another type: as good as an unreadable entry, and replaced like one.
        Err(error) if link::is_wrong_type(&error) => Ok(Some(Vec::new())),
        Err(error) => Err(error),
    }
}

impl Found {
    fn rubbish() -> Self {
        Self { record: Vec::new(), is_current: true }
    }
}

impl Store for RedisStore {
    fn read<'a>(&'a self, key: &'a str, groups: &'a Groups) -> Operation<'a, Option<Found>> {
        let is_tracked = self.link.is_tracked();
        match groups.function {
            Some(_) if is_tracked => Box::pin(self.read_alone(key)),
            None => Box::pin(self.read_alone(key)),
            Some(function) if groups.tags.is_empty() && groups.classes.is_empty() => {
                Box::pin(self.read_with(key, function))
            }
            Some(_) => Box::pin(self.look_up(key)),
        }
    }

    fn stamp<'a>(&'a self, groups: &'a [Group], life: Duration) -> Operation<'a, Option<Stamps>> {
        Box::pin(async move {
            if self.link.is_tracked()
                // Taken all at once: if one of them has changed, so have those that were changed
                // before it.
                && let Some(stamps) = self.link.generations().stamps(groups, life)
            {
                return Ok(Some(stamps));
            }
            let current = self.ask(groups, Some(Made::new(life))).await?;
            // Where there is none, there must be none.
            let stamp = |(group, current): (&Group, Option<Generation>)| {
                Some(Stamp { group: *group, generation: current? })
            };
            Ok(groups.iter().zip(current).map(stamp).collect())
        })
    }

    fn is_current<'a>(&'a self, stamps: &'a [u8]) -> Operation<'a, bool> {
        Box::pin(async move {
            if self.link.is_tracked()
                && let Some(is_current) = self.link.generations().are_current(stamps)
            {
                return Ok(is_current);
            }
            self.compare(stamps).await
        })
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired> {
        Box::pin(async move {
            let (intent, seen): (&[u8], LeaseId) = match acquire.intent {
                Intent::Read => (b"read", acquire.seen),
                Intent::Replace(void) => (b"replace", void),
                Intent::Reload => (b"reload", acquire.seen),
                Intent::Refresh => (b"refresh", acquire.seen),
                Intent::Write => (b"write", acquire.seen),
            };
            let lease = millis(acquire.lease);
            let nonce = acquire.nonce.bytes();
            let schema = acquire.schema.to_le_bytes();
            let longest = (acquire.longest.to_string(), millis(LONGEST_LEASE));
            let arguments: [&[u8]; 8] = [
                lease.as_bytes(),
                &nonce,
                &schema,
                intent,
                seen.bytes(),
                acquire.stamps.bytes(),
                longest.0.as_bytes(),
                longest.1.as_bytes(),
            ];
            let asked = Instant::now();
            let keys = [key, &fence_key(key)];
            let answer = self.script(&self.scripts.acquire, &keys, &arguments).await?;
            let Value::Array(parts) = answer else { return Err(Error::protocol()) };
            let Ok([Value::Int(code), Value::BulkString(content), Value::Int(now)]) =
                <[Value; 3]>::try_from(parts)
            else {
                return Err(Error::protocol());
            };
            self.link.clock().set(asked, now.unsigned_abs());
            match code {
                scripts::GRANT | scripts::GRANT_OVER_SEEN => {
                    LeaseId::from_slice(&content).map(|lease| Acquired::Grant {
                        lease,
                        over_seen: code == scripts::GRANT_OVER_SEEN,
                    })
                }
                scripts::WAIT => {
                    content.split_at_checked(LeaseId::LENGTH).and_then(|(holder, stamps)| {
                        let holder = LeaseId::from_slice(holder)?;
                        Some(Acquired::Wait { holder, stamps: Stamps::from_slice(stamps) })
                    })
                }
                scripts::HIT => Some(Acquired::Hit(content)),
                scripts::NO_STORE => Some(Acquired::NoStore),
                scripts::NOTHING => Some(Acquired::Nothing),
                _ => None,
            }
            .ok_or_else(Error::protocol)
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        Box::pin(async move {
            let (whole, fresh) = (millis(life.whole), millis_or_none(life.fresh));
            let arguments: [&[u8]; 4] = [lease.bytes(), whole.as_bytes(), fresh.as_bytes(), record];
            let stored = self.flag(&self.scripts.fill, key, &arguments).await?;
            Ok(if stored { Filled::Stored } else { Filled::Lost })
        })
    }

    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled> {
        Box::pin(async move {
            let (whole, fresh) = (millis(life.whole), millis_or_none(life.fresh));
            let arguments: [&[u8]; 3] = [lease.bytes(), whole.as_bytes(), fresh.as_bytes()];
            let kept = self.flag(&self.scripts.keep, key, &arguments).await?;
            Ok(if kept { Filled::Stored } else { Filled::Lost })
        })
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        Box::pin(async move {
            let life = millis(life);
            self.flag(&self.scripts.renew, key, &[lease.bytes(), life.as_bytes()]).await
        })
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()> {
        Box::pin(async move {
            let pause = millis_or_none(Some(pause).filter(|pause| !pause.is_zero()));
            self.flag(&self.scripts.release, key, &[&nonce.bytes(), pause.as_bytes()]).await?;
            Ok(())
        })
    }

    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()> {
        Box::pin(async move {
            let life = millis(life);
            self.flag(&self.scripts.touch, key, &[lease.bytes(), life.as_bytes()]).await?;
            Ok(())
        })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        Box::pin(async move {
            let is_generation = |key: &&String| Group::from_key(key).is_some();
            let (generations, entries): (Vec<_>, _) = keys.iter().partition(is_generation);
            let each = |keys: Vec<&String>| keys.into_iter().cloned().collect();
            let both = [entries, generations].into_iter().filter(|keys| !keys.is_empty());
            let both: Vec<Vec<String>> = both.map(each).collect();
            if both.is_empty() {
                return Ok(());
            }
            self.remove(&both).await?.into_iter().collect()
        })
    }

    fn delete_each<'a>(
        &'a self,
        targets: &'a [Vec<String>],
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        Box::pin(async move { self.remove(targets).await })
    }

    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()> {
        Box::pin(async move {
            let life = millis(life);
            let held =
                self.on_each(&self.scripts.hold, keys, &[&fence.bytes(), life.as_bytes()]).await;
            self.forget(keys);
            held
        })
    }

    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()> {
        Box::pin(async move {
            let lifted = self.on_each(&self.scripts.lift, keys, &[&fence.bytes()]).await;
            self.forget(keys);
            lifted
        })
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        Box::pin(async move { self.flag(&self.scripts.mark_stale, key, &[]).await })
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        Box::pin(async move {
            let answer = self.link.send(redis::cmd("PTTL").arg(key)).await?;
            Ok(u64::try_from(integer(answer)?).ok().map(Duration::from_millis))
        })
    }

    fn now(&self) -> Option<u64> {
        self.link.clock().now()
    }

    fn ask_time(&self) -> Operation<'_, u64> {
        Box::pin(async move {
            let asked = Instant::now();
            let answer = self.link.send(&redis::cmd("TIME")).await?;
            let millis = time(&answer).ok_or_else(Error::protocol)?;
            self.link.clock().set(asked, millis);
            Ok(millis)
        })
    }

    fn measures(&self) -> bool {
        true
    }

    fn condition(&self) -> Condition {
        self.link.condition()
    }

    fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.link.report_to(counters, losses);
    }
}
