//! What may be stored, for how long, and under which lease.

use std::time::Duration;

use super::{EntryRef, Lease};
use crate::error::{Error, ErrorKind};
use crate::flight::Leader;
use crate::group::{Group, MOST_TAGS, Stamps};
use crate::lease::{Fill, Filled, Life};
use crate::payload::Encoding;
use crate::payload::seal::Sealer;
use crate::record::{self, Compression, Header, Kind};
use crate::scope::Handle;
use crate::session::Session;

impl EntryRef<'_> {
    /// What may be stored of an encoded value.
    pub(crate) fn admit(&self, encoding: Encoding) -> Result<Option<Encoding>, Error> {
        let is_kept = match encoding.kind {
            Kind::Absence => !self.policy.negative_ttl.is_zero(),
            Kind::Value => encoding.life != Some(Duration::ZERO),
        };
        if !is_kept {
            return Ok(None);
        }
        let Some(header) = Header::read(&encoding.record) else { return Ok(None) };
        let most = self.core().settings.max_value;
        let most = self.policy.max_value.map_or(most, |own| own.min(most));
        if header.payload(&encoding.record).len() > most {
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

    /// Seals what may be stored.
    pub(crate) fn seal(&self, mut encoding: Encoding) -> Result<Encoding, Error> {
        self.sealer().seal(&mut encoding.record)?;
        Ok(encoding)
    }

    /// How payloads of this entry are sealed and opened.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        let settings = &self.core().settings;
        let encrypts = self.policy.encrypt.unwrap_or(settings.encrypts);
        // The length of what is compressed says something of its content.
        let by_default = if encrypts { Compression::None } else { settings.compression };
        Sealer {
            entry: self.key,
            compression: self.policy.compress.unwrap_or(by_default),
            encrypts,
            keys: settings.keys.as_deref(),
            longest: settings.longest_record(),
        }
    }

    /// The groups whose generations are asked for after a load: those that the value names itself, and their classes.
    pub(crate) fn groups_after_load(&self, encoding: &Encoding) -> Vec<Group> {
        let mut asked = self.own_tags(&encoding.tags);
        if !asked.is_empty() {
            // In this order: a class does not go later than its tag.
            asked.extend(self.classes());
        }
        asked
    }

    /// The tags that a value names itself, beyond those of its arguments.
    fn own_tags(&self, tags: &[Group]) -> Vec<Group> {
        let known: Vec<Group> = self.groups.of_value().collect();
        tags.iter().copied().filter(|tag| !known.contains(tag)).collect()
    }

    fn classes(&self) -> impl Iterator<Item = Group> {
        self.groups.classes.iter().map(|class| Group::class(class))
    }

    /// What a value is stamped with: with what the groups of its arguments were at before the load,
    /// and what those that it names itself are at now. Whether they were that before the load cannot
    /// be told of them, but of their classes it can: `None` if one has changed.
    fn stamps_of_value(&self, tags: &[Group], before: &Stamps, now: &Stamps) -> Option<Stamps> {
        let known: Vec<Group> = self.groups.of_value().collect();
        let mut stamps: Stamps =
            before.iter().filter(|stamp| known.contains(&stamp.group)).collect();
        let tags = self.own_tags(tags);
        let has_changed = |class: Group| now.of(class) != before.of(class);
        if !tags.is_empty() && self.classes().any(has_changed) {
            return None;
        }
        now.iter().filter(|stamp| tags.contains(&stamp.group)).for_each(|stamp| stamps.push(stamp));
        Some(stamps)
    }

    /// How long a record lives.
    pub(crate) fn life(&self, encoding: &Encoding) -> Life {
        let (policy, max_ttl) = (self.policy, self.core().settings.max_ttl);
        match encoding.kind {
            Kind::Absence => {
                let whole = policy.jittered(policy.negative_ttl, max_ttl);
                // A copy ends when the entry does.
                Life { whole, fresh: policy.local.map(|_| whole) }
            }
            Kind::Value => {
                let ttl = encoding.life.map_or(policy.ttl, |life| life.min(policy.ttl));
                let fresh = policy.jittered(ttl, max_ttl);
                let whole = fresh + policy.grace();
                Life { whole, fresh: policy.has_soft_deadline().then_some(fresh) }
            }
        }
    }

    /// Makes a FILL of a value, which is not sent yet: the flight takes no more followers. `None` if something has
    /// come between.
    pub(crate) async fn fill(
        &self,
        lease: Lease,
        encoding: Encoding,
        took: Duration,
        session: &mut Session<'_>,
    ) -> Result<Option<Filling>, Error> {
        let life = self.life(&encoding);
        let asked = self.groups_after_load(&encoding);
        let now = match asked.is_empty() {
            true => Ok(Some(Stamps::default())),
            false => session.stamp(self.key, &asked, life.whole).await,
        };
        match now {
            Ok(now) => Ok(self.fill_with(lease, encoding, took, life, now)),
            Err(error) => {
                lease.leader.unknown();
                Err(error)
            }
        }
    }

    /// The same, where the groups of the value have been asked for: `now` is what they are at, `None` if one is fenced.
    pub(crate) fn fill_with(
        &self,
        lease: Lease,
        encoding: Encoding,
        took: Duration,
        life: Life,
        now: Option<Stamps>,
    ) -> Option<Filling> {
        let Lease { leader, stamps } = lease;
        let Encoding { mut record, tags, .. } = encoding;
        match now.and_then(|now| self.stamps_of_value(&tags, &stamps, &now)) {
            Some(stamps) => record::stamp(&mut record, &stamps),
            None => {
                leader.unknown();
                return None;
            }
        }
        record::sign(&mut record, &leader.lease());
        record::set_load(&mut record, took);
        Some(self.filling(leader, life, What::Record(record)))
    }

    /// The same of the value that is there, and that the lease lies over: it has not changed, and is not sent again.
    /// `tags` are the groups that it names itself.
    ///
    /// That is worth a script of its own: all requests of a process share one connection, and even on loopback a FILL of
    /// 128 kB takes three times as long as a KEEP, one of 1 MiB thirty times.
    pub(crate) fn keep(&self, lease: Lease, life: Life, tags: Vec<Group>) -> Filling {
        self.filling(lease.leader, life, What::IsThere(tags))
    }

    fn filling(&self, leader: Leader, life: Life, what: What) -> Filling {
        leader.seal();
        Filling { cache: self.cache.clone(), key: self.key.to_owned(), leader, life, what }
    }
}

/// A FILL that belongs to nobody's call: it goes on when its caller has the answer.
pub(crate) struct Filling {
    cache: Handle,
    key: String,
    leader: Leader,
    life: Life,
    what: What,
}

enum What {
    Record(Vec<u8>),
    /// The record that is there; the groups that it names itself.
    IsThere(Vec<Group>),
}

impl Filling {
    /// As one among many; `None` if there is no record to send.
    fn request(&self) -> Option<Fill<'_>> {
        let Self { key, leader, life, what, .. } = self;
        let What::Record(record) = what else { return None };
        Some(Fill { key, lease: leader.lease(), record, life: *life })
    }

    /// How many bytes it sends.
    pub(crate) fn len(&self) -> usize {
        match &self.what {
            What::Record(record) => record.len(),
            What::IsThere(_) => 0,
        }
    }

    /// Sends it, within a budget of its own, and ends the flight. What is stored; `None` if something came between.
    pub(crate) async fn run(self) -> Result<Option<Written>, Error> {
        let Self { cache, key, leader, life, what } = self;
        let mut session = cache.core().sessions.begin();
        let lease = leader.lease();
        let (filled, written) = match what {
            What::Record(record) => {
                let filled = session.fill(&key, lease, &record, life).await;
                let written = Written::New(record.len());
                leader.filled(&filled, record);
                (filled, written)
            }
            What::IsThere(tags) => {
                if !tags.is_empty() {
                    // If it fails, the value ends earlier.
                    let _ = session.stamp(&key, &tags, life.whole).await;
                }
                let filled = session.keep(&key, lease, life).await;
                // There is no record at hand: who follows asks again, and finds it.
                if filled.is_ok() {
                    leader.lost()
                } else {
                    leader.unknown()
                }
                (filled, Written::Same)
            }
        };
        Ok((filled? == Filled::Stored).then_some(written))
    }
}

/// Sends many within one budget, in one round trip, and ends their flights. What came of each.
pub(crate) async fn run_many(all: Vec<Filling>) -> Vec<Result<Option<Written>, Error>> {
    let Some(cache) = all.first().map(|filling| filling.cache.clone()) else { return Vec::new() };
    let fills: Vec<Fill<'_>> = all.iter().filter_map(Filling::request).collect();
    let answers = match cache.core().sessions.begin().fill_many(&fills).await {
        Ok(answers) => answers,
        Err(error) => vec![Err(error); fills.len()],
    };
    let end = |(filling, filled): (Filling, Result<Filled, Error>)| {
        let What::Record(record) = filling.what else { return Ok(None) };
        let written = Written::New(record.len());
        filling.leader.filled(&filled, record);
        Ok((filled? == Filled::Stored).then_some(written))
    };
    all.into_iter().zip(answers).map(end).collect()
}

/// What a FILL has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// So many bytes.
    New(usize),
    /// What had been there.
    Same,
}
