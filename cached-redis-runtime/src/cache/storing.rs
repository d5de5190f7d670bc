//! What may be stored, for how long, and under which lease.

use std::sync::Arc;
use std::time::Duration;

use super::Core;
use crate::codec::Encoding;
use crate::error::{Error, ErrorKind};
use crate::flight::Leader;
use crate::group::{Group, Groups, Stamps};
use crate::lease::{Filled, Life};
use crate::policy::{MIN_LIFE, Policy};
use crate::record::{self, Header, Kind};
use crate::session::Session;

/// Groups that a value names itself. Those of the arguments have room beside them in a record.
const MOST_TAGS: usize = 32;

/// A value for an entry, and the lease that allows to store it.
pub(crate) struct Storing<'a> {
    pub(crate) key: &'a str,
    pub(crate) groups: &'a Groups,
    pub(crate) leader: Leader,
    /// What the groups of the entry were at before the load.
    pub(crate) stamps: Stamps,
    pub(crate) encoding: Encoding,
    pub(crate) life: Life,
    /// How long its load took.
    pub(crate) took: Duration,
}

impl Core {
    /// What may be stored of an encoded value under a policy.
    pub(crate) fn admit(
        &self,
        encoding: Option<Encoding>,
        policy: &Policy,
    ) -> Result<Option<Encoding>, Error> {
        let Some(encoding) = encoding else { return Ok(None) };
        let is_kept = match encoding.kind {
            Kind::Absence => !policy.negative_ttl.is_zero(),
            Kind::Value => encoding.life != Some(Duration::ZERO),
        };
        if !is_kept {
            return Ok(None);
        }
        let Some(header) = Header::read(&encoding.record) else { return Ok(None) };
        if header.payload(&encoding.record).len() > self.settings.max_value {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the value is larger than the cache takes",
            ));
        }
        if encoding.tags.len() > MOST_TAGS {
            return Err(Error::new(ErrorKind::TooLarge, "the value is in too many groups"));
        }
        Ok(Some(encoding))
    }

    /// What a value is stamped with: with what the groups of its arguments were at before the load,
    /// and what those that it names itself are at now. Whether they were that before the load cannot
    /// be told of them, but of their classes it can: `None` if one has changed.
    async fn stamps_of_value(
        &self,
        groups: &Groups,
        tags: &[Group],
        before: &Stamps,
        life: Duration,
        session: &mut Session<'_>,
    ) -> Result<Option<Stamps>, Error> {
        let known: Vec<Group> = groups.of_value().collect();
        let mut stamps: Stamps =
            before.iter().filter(|stamp| known.contains(&stamp.group)).collect();
        let tags: Vec<Group> = tags.iter().copied().filter(|tag| !known.contains(tag)).collect();
        if tags.is_empty() {
            return Ok(Some(stamps));
        }
        let classes: Vec<Group> = groups.classes.iter().map(|class| Group::class(class)).collect();
        // In this order: a class does not go later than its tag.
        let asked = [tags.as_slice(), &classes].concat();
        let Some(now) = session.stamp(&asked, life).await? else {
            return Ok(None);
        };
        let has_changed = |class: &Group| now.of(*class) != before.of(*class);
        if classes.iter().any(has_changed) {
            return Ok(None);
        }
        now.iter().filter(|stamp| tags.contains(&stamp.group)).for_each(|stamp| stamps.push(stamp));
        Ok(Some(stamps))
    }

    /// How long a record lives.
    pub(crate) fn life(&self, policy: &Policy, encoding: &Encoding) -> Life {
        match encoding.kind {
            Kind::Absence => {
                let whole = self.jittered(policy.negative_ttl, policy);
                Life { whole, fresh: None }
            }
            Kind::Value => {
                let ttl = encoding.life.map_or(policy.ttl, |life| life.min(policy.ttl));
                let fresh = self.jittered(ttl, policy);
                let whole = fresh + policy.grace();
                Life { whole, fresh: policy.has_soft_deadline().then_some(fresh) }
            }
        }
    }

    /// Shortened at random, so that entries made together do not expire together.
    pub(crate) fn jittered(&self, ttl: Duration, policy: &Policy) -> Duration {
        let jitter = if policy.jitter.is_finite() { policy.jitter.clamp(0.0, 1.0) } else { 0.0 };
        let share = jitter * fastrand::f64();
        ttl.min(self.settings.max_ttl).mul_f64(1.0 - share).max(MIN_LIFE)
    }

    /// Stores a value under its lease, and ends the flight. How many bytes; `None` if something came
    /// between.
    pub(crate) async fn store_under_lease(
        self: &Arc<Self>,
        storing: Storing<'_>,
        session: &mut Session<'_>,
    ) -> Result<Option<usize>, Error> {
        match self.sealed(storing, session).await? {
            Some(filling) => filling.run().await,
            None => Ok(None),
        }
    }

    /// The same up to FILL, which is not sent yet: the flight takes no more followers.
    pub(crate) async fn sealed(
        self: &Arc<Self>,
        storing: Storing<'_>,
        session: &mut Session<'_>,
    ) -> Result<Option<Filling>, Error> {
        let Storing { key, groups, leader, stamps, encoding, life, took } = storing;
        let Encoding { mut record, tags, .. } = encoding;
        match self.stamps_of_value(groups, &tags, &stamps, life.whole, session).await {
            Ok(Some(stamps)) => record::stamp(&mut record, &stamps),
            Ok(None) => {
                leader.unknown();
                return Ok(None);
            }
            Err(error) => {
                leader.unknown();
                return Err(error);
            }
        }
        record::sign(&mut record, &leader.lease());
        record::set_load(&mut record, took);
        leader.seal();
        let core = Arc::clone(self);
        Ok(Some(Filling { core, key: key.to_owned(), leader, record, life }))
    }
}

/// A FILL that belongs to nobody's call: it goes on when its caller has the answer.
pub(crate) struct Filling {
    core: Arc<Core>,
    key: String,
    leader: Leader,
    record: Vec<u8>,
    life: Life,
}

impl Filling {
    /// Sends it, within a budget of its own, and ends the flight. How many bytes are stored; `None` if
    /// something came between.
    pub(crate) async fn run(self) -> Result<Option<usize>, Error> {
        let Self { core, key, leader, record, life } = self;
        let filled = core.sessions.begin().fill(&key, leader.lease(), &record, life).await;
        let bytes = record.len();
        leader.filled(&filled, record);
        Ok(match filled? {
            Filled::Stored => Some(bytes),
            Filled::Lost => None,
        })
    }
}
