//! One server, and the steps of the protocol on it.

mod arguments;
mod batch;
mod groups;
mod lane;
mod lengths;
mod look_up;
mod many;
mod removal;
mod watched;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use super::commands::{self, by_digest, by_text, integer, millis, millis_or_none};
use super::connect::time;
use super::generations::Generations;
use super::link::{Link, LinkSettings};
use super::scripts::{self, Script, Scripts};
use super::source::Source;
use crate::error::Error;
use crate::group::{Generation, Group, Stamp, Stamps};
use crate::health::Condition;
use crate::lease::{Acquire, Acquired, FenceId, Fill, Filled, LeaseId, Life, Nonce};
use crate::loss::Losses;
use crate::stats::ConnectionCounters;
use crate::store::fence_key;
use arguments::{AcquireArguments, FillArguments};
use groups::Made;
use lane::Lane;
use lengths::Lengths;

/// A server, and the connection to it.
pub(in crate::store) struct Node {
    link: Link,
    /// What is known of generations, and which entries are watched.
    generations: Arc<Generations>,
    /// What keys begin with here.
    namespace: String,
    scripts: &'static Scripts,
    /// Of entries that are read or stored together.
    lengths: Lengths,
    /// For long values. None where the connection is the user's, behind sentinels, on a cluster, and on the lane
    /// itself.
    lane: Option<Lane>,
}

impl Node {
    pub(in crate::store) fn new(source: Source, settings: LinkSettings) -> Self {
        let lane = match &source {
            Source::Client(client) => {
                let source = Source::Client(client.clone());
                Some(Lane::new(Self::without_lane(source, settings.clone())))
            }
            Source::Connection(_) | Source::Sentinel(_) => None,
        };
        Self { lane, ..Self::without_lane(source, settings) }
    }

    fn without_lane(source: Source, settings: LinkSettings) -> Self {
        let namespace = settings.namespace.clone();
        let link = Link::new(source, settings);
        let generations = Arc::clone(link.generations());
        Self::on(link, generations, namespace)
    }

    /// What the server has of keys that begin so, with what is known of these. Other nodes may be on the same connection.
    pub(super) fn on(link: Link, generations: Arc<Generations>, namespace: String) -> Self {
        let lengths = Lengths::default();
        Self { link, generations, namespace, scripts: Scripts::get(), lengths, lane: None }
    }

    /// Nothing that is known counts any more: the keys are elsewhere.
    pub(super) fn forget_all(&self) {
        self.generations.forget();
    }

    /// What is known of the connection.
    pub(super) fn condition(&self) -> Condition {
        self.link.condition()
    }

    pub(super) fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.link.report_to(counters, losses);
        if let Some(lane) = &self.lane {
            lane.report_to(counters, losses);
        }
    }

    /// Whether the server tells what changes. Where it does not, tries for another connection now and then.
    pub(super) fn is_tracked(&self) -> bool {
        self.link.is_tracked()
    }

    /// The server's clock in milliseconds, ahead by a round trip at most; `None` while unknown.
    pub(super) fn now(&self) -> Option<u64> {
        self.link.clock().now()
    }

    /// The same, asked of the server.
    pub(super) async fn ask_time(&self) -> Result<u64, Error> {
        let asked = Instant::now();
        let answer = self.link.send(&redis::cmd("TIME")).await?;
        let millis = time(&answer).ok_or_else(Error::protocol)?;
        self.link.clock().set(asked, millis);
        Ok(millis)
    }

    pub(super) async fn stamp(
        &self,
        groups: &[Group],
        life: Duration,
    ) -> Result<Option<Stamps>, Error> {
        if self.link.is_tracked()
            && !self.may_lag(groups)
            // Taken all at once: if one of them has changed, so have those that were changed
            // before it.
            && let Some(stamps) = self.generations.stamps(groups, life)
        {
            return Ok(Some(stamps));
        }
        let current = self.ask(groups, Some(Made::new(life))).await?;
        // Where there is none, there must be none.
        let stamp = |(group, current): (&Group, Option<Generation>)| {
            Some(Stamp { group: *group, generation: current? })
        };
        Ok(groups.iter().zip(current).map(stamp).collect())
    }

    pub(super) async fn is_current(&self, stamps: &[u8]) -> Result<bool, Error> {
        if self.link.is_tracked()
            && let Some(is_current) = self.generations.are_current(stamps)
        {
            return Ok(is_current);
        }
        self.compare(stamps).await
    }

    pub(super) async fn acquire(&self, key: &str, acquire: Acquire<'_>) -> Result<Acquired, Error> {
        let asked = Instant::now();
        let arguments = AcquireArguments::new(&acquire);
        let keys = [key, &fence_key(key)];
        let answer = self.script(&self.scripts.acquire, &keys, &arguments.all()).await?;
        self.acquired(answer, asked)
    }

    /// The answer to a question that was asked then.
    fn acquired(&self, answer: Value, asked: Instant) -> Result<Acquired, Error> {
        let Value::Array(parts) = answer else { return Err(Error::protocol()) };
        let Ok([Value::Int(code), Value::BulkString(content), Value::Int(now)]) =
            <[Value; 3]>::try_from(parts)
        else {
            return Err(Error::protocol());
        };
        self.link.clock().set(asked, now.unsigned_abs());
        acquired(code, content).ok_or_else(Error::protocol)
    }

    pub(super) async fn fill(
        &self,
        key: &str,
        lease: LeaseId,
        record: &[u8],
        life: Life,
    ) -> Result<Filled, Error> {
        let arguments = FillArguments::new(&Fill { key, lease, record, life });
        let by = self.to_store(record.len());
        let stored = by.flag(&by.scripts.fill, key, &arguments.all()).await;
        self.changed(key);
        let stored = stored?;
        Ok(if stored { Filled::Stored } else { Filled::Lost })
    }

    pub(super) async fn keep(
        &self,
        key: &str,
        lease: LeaseId,
        life: Life,
    ) -> Result<Filled, Error> {
        let (whole, fresh) = (millis(life.whole), millis_or_none(life.fresh));
        let arguments: [&[u8]; 3] = [lease.bytes(), whole.as_bytes(), fresh.as_bytes()];
        let kept = self.flag(&self.scripts.keep, key, &arguments).await;
        self.changed(key);
        let kept = kept?;
        Ok(if kept { Filled::Stored } else { Filled::Lost })
    }

    pub(super) async fn renew(
        &self,
        key: &str,
        lease: LeaseId,
        life: Duration,
    ) -> Result<bool, Error> {
        let life = millis(life);
        self.flag(&self.scripts.renew, key, &[lease.bytes(), life.as_bytes()]).await
    }

    pub(super) async fn release(
        &self,
        key: &str,
        nonce: Nonce,
        pause: Duration,
    ) -> Result<(), Error> {
        let pause = millis_or_none(Some(pause).filter(|pause| !pause.is_zero()));
        self.flag(&self.scripts.release, key, &[&nonce.bytes(), pause.as_bytes()]).await?;
        Ok(())
    }

    pub(super) async fn touch(
        &self,
        key: &str,
        lease: LeaseId,
        life: Duration,
    ) -> Result<(), Error> {
        let life = millis(life);
        self.flag(&self.scripts.touch, key, &[lease.bytes(), life.as_bytes()]).await?;
        Ok(())
    }

    pub(super) async fn hold(
        &self,
        keys: Cow<'_, [String]>,
        fence: FenceId,
        life: Duration,
    ) -> Result<(), Error> {
        let life = millis(life);
        let arguments: [&[u8]; 2] = [&fence.bytes(), life.as_bytes()];
        let held = self.on_each(&self.scripts.hold, &keys, &arguments).await;
        self.forget(&*keys);
        held
    }

    pub(super) async fn lift(&self, keys: Cow<'_, [String]>, fence: FenceId) -> Result<(), Error> {
        let lifted = self.on_each(&self.scripts.lift, &keys, &[&fence.bytes()]).await;
        self.forget(&*keys);
        lifted
    }

    pub(super) async fn mark_stale(&self, key: &str) -> Result<bool, Error> {
        let marked = self.flag(&self.scripts.mark_stale, key, &[]).await;
        self.changed(key);
        marked
    }

    pub(super) async fn ttl(&self, key: &str) -> Result<Option<Duration>, Error> {
        let answer = self.link.send(redis::cmd("PTTL").arg(key)).await?;
        Ok(u64::try_from(integer(answer)?).ok().map(Duration::from_millis))
    }

    /// Runs a script by its digest, by its text where the server has lost it.
    async fn script(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Error> {
        match self.link.send(&by_digest(script, keys, arguments)).await {
            Err(error) if commands::is_no_script(&error) => {
                self.link.send(&by_text(script, keys, arguments)).await
            }
            answer => answer,
        }
    }

    async fn flag(&self, script: &Script, key: &str, arguments: &[&[u8]]) -> Result<bool, Error> {
        Ok(integer(self.script(script, &[key], arguments).await?)? == 1)
    }
}

/// The answer of ACQUIRE.
fn acquired(code: i64, content: Vec<u8>) -> Option<Acquired> {
    Some(match code {
        scripts::GRANT | scripts::GRANT_OVER_SEEN => Acquired::Grant {
            lease: LeaseId::from_slice(&content)?,
            over_seen: code == scripts::GRANT_OVER_SEEN,
        },
        scripts::WAIT => {
            let (holder, stamps) = content.split_at_checked(LeaseId::LENGTH)?;
            let holder = LeaseId::from_slice(holder)?;
            Acquired::Wait { holder, stamps: Stamps::from_slice(stamps) }
        }
        scripts::HIT => Acquired::Hit(content),
        scripts::NO_STORE => Acquired::NoStore,
        scripts::NOTHING => Acquired::Nothing,
        _ => return None,
    })
}
