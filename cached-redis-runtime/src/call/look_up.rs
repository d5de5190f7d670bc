//! Reading a record: what the store holds, and what a call does with it. Whether it counts is judged by
//! [`judgement`](crate::judgement), for calls, callers that have waited, and entries alike.

use super::answer::{Counts, Read};
use super::slot::Slot;
use crate::error::{Error, ErrorKind};
use crate::freshness::{Freshness, answers, is_busy, is_touch_due};
use crate::group::stamps;
use crate::invalidation::Before;
use crate::judgement::{Judgement, Seen, judge};
use crate::lease::{Intent, LeaseId};
use crate::payload::seal::Unopened;
use crate::record::{Kind, Record};
use crate::session::Session;
use crate::sharing::Known;
use crate::store::Found;

/// What a call makes of what is there.
pub(crate) enum Look {
    /// Answer with this.
    Answer(Read),
    /// The same, and reload it in the background.
    Reload(Read),
    /// Ask for the lease. There may be a value that is to be replaced.
    Ask(Intent, Option<Record>),
    /// An invalidation of what is there has failed so far: it may be outdated.
    Outstanding,
}

impl Slot {
    /// The hit path: one GET. Otherwise what to do.
    pub(crate) async fn look_up(&self, session: &mut Session<'_>) -> Result<Look, Error> {
        let before = self.core().invalidator.before_reading();
        #[cfg(feature = "local")]
        let (found, begun) = match self.policy.local {
            None => (session.read(&self.key, &self.groups).await?, None),
            Some(bound) => Box::pin(self.read_watched(bound, session)).await?,
        };
        #[cfg(not(feature = "local"))]
        let found = session.read(&self.key, &self.groups).await?;
        let Some(found) = found else { return Ok(Look::Ask(Intent::Read, None)) };
        #[cfg_attr(not(feature = "local"), expect(unused_mut, reason = "nothing is copied"))]
        let mut look = self.look_at(found, before, session).await;
        if let Look::Answer(read) = &look
            && self.is_touch_due(&read.record)
        {
            // Boxed, because hits that renew nothing would have room for it too.
            Box::pin(self.touch(&read.record, session)).await;
        }
        #[cfg(feature = "local")]
        if begun.is_some()
            && let Look::Answer(read) = &mut look
            && read.counts == Counts::Hit(Freshness::Fresh)
        {
            read.begun = begun;
        }
        Ok(look)
    }

    /// Whether a hit renews this value.
    pub(crate) fn is_touch_due(&self, record: &Record) -> bool {
        self.policy.sliding
            && is_touch_due(record.header(), self.core().now(&self.key), &self.policy)
    }

    /// What to make of what was read.
    pub(crate) async fn look_at(
        &self,
        found: Found,
        before: Before,
        session: &mut Session<'_>,
    ) -> Look {
        let Found { record, is_current } = found;
        let Some(record) = Record::read(record) else {
            self.unreadable("what is stored here is no entry");
            return Look::Ask(Intent::Replace(LeaseId::NONE), None);
        };
        match self.judge(&record, is_current, before) {
            Judgement::Value => {}
            Judgement::Nothing => return Look::Ask(Intent::Read, None),
            Judgement::Void => return Look::Ask(Intent::Replace(record.header().lease), None),
            Judgement::Outstanding => return Look::Outstanding,
        }
        let freshness = self.freshness(&record, session).await;
        if !self.answers(&record, freshness) {
            return Look::Ask(Intent::Read, Some(record));
        }
        let is_due = matches!(freshness, Freshness::Early | Freshness::Stale)
            && !is_busy(record.header(), session.now(&self.key));
        let read = Read::new(record, Counts::Hit(freshness));
        if is_due { Look::Reload(read) } else { Look::Answer(read) }
    }

    /// Renews the life of a value that was asked for, and of the generations without which it would not
    /// count.
    pub(crate) async fn touch(&self, record: &Record, session: &mut Session<'_>) {
        // The whole of it: hits are spread already.
        let touched = session.touch(&self.key, record.header().lease, self.policy.ttl).await;
        let groups: Vec<_> = stamps(record.stamps()).map(|stamp| stamp.group).collect();
        let life = self.policy.longest_life(self.core().settings.max_ttl);
        let stamped = session.stamp(&self.key, &groups, life).await;
        for error in [touched.err(), stamped.err()].into_iter().flatten() {
            self.counters.error(&error);
        }
    }

    /// The last good value, if it may stand in for a load that failed or is slow.
    pub(crate) async fn fallback(&self, session: &mut Session<'_>) -> Option<Read> {
        self.policy.stale_if_error?;
        let (record, freshness) = self.read_again(session).await?;
        if matches!(freshness, Freshness::Over | Freshness::Unknown) {
            return None;
        }
        Some(Read::new(record, Counts::Fallback))
    }

    /// The last good value, if a load has failed shortly before and nobody is to try yet.
    pub(crate) async fn throttled(&self, session: &mut Session<'_>) -> Option<Read> {
        self.policy.stale_if_error?;
        let (record, freshness) = self.read_again(session).await?;
        self.answer_after_waiting(record, freshness)
    }

    /// As [`fallback`](Self::fallback), of what has been read again for a batch, whose stale values are reloaded while
    /// the caller waits: those may stand in too.
    pub(crate) async fn fallback_of(
        &self,
        found: Found,
        before: Before,
        session: &mut Session<'_>,
    ) -> Option<Read> {
        let record = Record::read(found.record)?;
        let seen = Seen { record, is_current: found.is_current };
        let (record, freshness) = self.value(seen, before, session).await?;
        if matches!(freshness, Freshness::Over | Freshness::Unknown) {
            return None;
        }
        Some(Read::new(record, Counts::Fallback))
    }

    /// An invalidation may have come between: what it removed is no answer.
    async fn read_again(&self, session: &mut Session<'_>) -> Option<(Record, Freshness)> {
        let before = self.core().invalidator.before_reading();
        let found = session.read(&self.key, &self.groups).await.ok()??;
        let record = Record::read(found.record)?;
        self.value(Seen { record, is_current: found.is_current }, before, session).await
    }

    /// A value that counts, and how fresh it is.
    async fn value(
        &self,
        seen: Seen,
        before: Before,
        session: &mut Session<'_>,
    ) -> Option<(Record, Freshness)> {
        let Seen { record, is_current } = seen;
        if self.judge(&record, is_current, before) != Judgement::Value {
            return None;
        }
        let freshness = self.freshness(&record, session).await;
        Some((record, freshness))
    }

    /// A record that another caller has read or loaded. Not a hit: this call was a miss.
    pub(crate) async fn read_shared(
        &self,
        record: Record,
        counts: Counts,
        known: &Known,
        session: &mut Session<'_>,
    ) -> Option<Read> {
        // A group may have been invalidated since that load began, and before this call did. If not, its
        // generation is what it was after this call began.
        let before = self.core().invalidator.before_reading();
        let stamps = record.stamps();
        let is_current = before == known.before && known.stamps.include(stamps)
            || matches!(session.is_current(&self.key, stamps).await, Ok(true));
        let outstanding = |stamps: &[u8]| self.was_outstanding(before, stamps);
        let judgement = judge(&record, self.schema, &self.groups, is_current, outstanding);
        (judgement == Judgement::Value).then(|| Read::new(record, counts))
    }

    /// What a load has come to that began after this call: nothing can have outdated it before.
    pub(crate) fn read_loaded(&self, record: Record) -> Option<Read> {
        let is_ours = record.header().schema == self.schema;
        is_ours.then(|| Read::new(record, Counts::Shared))
    }

    /// What a caller who has waited for another load finds after it. Not a hit: it was a miss.
    pub(crate) async fn read_after_waiting(
        &self,
        seen: Seen,
        before: Before,
        session: &mut Session<'_>,
    ) -> Option<Read> {
        let (record, freshness) = self.value(seen, before, session).await?;
        self.answer_after_waiting(record, freshness)
    }

    fn answer_after_waiting(&self, record: Record, freshness: Freshness) -> Option<Read> {
        let counts = match freshness {
            Freshness::Fallback => Counts::Fallback,
            _ => Counts::Shared,
        };
        self.answers(&record, freshness).then(|| Read::new(record, counts))
    }

    /// Whether a value of this freshness is an answer.
    fn answers(&self, record: &Record, freshness: Freshness) -> bool {
        answers(freshness, record.header(), self.core().now(&self.key))
    }

    fn judge(&self, record: &Record, is_current: bool, before: Before) -> Judgement {
        let outstanding = |stamps: &[u8]| self.was_outstanding(before, stamps);
        judge(record, self.schema, &self.groups, is_current, outstanding)
    }

    fn was_outstanding(&self, before: Before, stamps: &[u8]) -> bool {
        let life = || self.life_after_invalidation();
        self.core().invalidator.was_outstanding(before, &self.key, stamps, life)
    }

    async fn freshness(&self, record: &Record, session: &mut Session<'_>) -> Freshness {
        let freshness =
            self.core().freshness(&self.key, record.header(), &self.policy, session).await;
        freshness.unwrap_or(Freshness::Unknown)
    }

    /// An answer that was given.
    pub(crate) fn count(&self, read: &Read) {
        let counters = &self.counters;
        counters.bytes_read.add(read.record.len() as u64);
        match (read.counts, read.record.header().kind) {
            (Counts::Hit(Freshness::Fallback), _) => {
                counters.fallbacks.increment();
                counters.misses.increment();
            }
            (Counts::Hit(freshness), kind) => {
                match kind {
                    Kind::Value => counters.hits.increment(),
                    Kind::Absence => counters.negative_hits.increment(),
                }
                if freshness == Freshness::Stale {
                    counters.stale_hits.increment();
                }
            }
            (Counts::Shared, _) => {}
            (Counts::Coalesced, _) => counters.coalesced.increment(),
            (Counts::Fallback, _) => counters.fallbacks.increment(),
        }
    }

    /// A record that cannot be opened, or does not decode.
    pub(crate) fn cannot_decode(&self, record: &Record) {
        let unopened = self.entry().sealer().open(record).err();
        if unopened.is_some_and(Unopened::is_of_encryption) {
            self.counters.not_decrypted.increment();
        }
        let why = "an entry does not decode as what the function returns";
        self.unreadable(unopened.map_or(why, Unopened::as_str));
    }

    pub(crate) fn unreadable(&self, why: &str) {
        self.counters.error(&Error::new(ErrorKind::Decode, why));
    }
}
