//! What is there, and what a call makes of it.

use super::Attempt;
use super::ask::Known;
use crate::broken::Rule;
use crate::budget::Budget;
use crate::codec;
use crate::error::{Error, ErrorKind};
use crate::freshness::{Freshness, is_busy, is_touch_due};
use crate::group::stamps;
use crate::invalidation::Before;
use crate::lease::{Intent, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::record::{Header, Kind, State};
use crate::store::Found;

/// What a call makes of what is there.
pub(super) enum Look<R> {
    /// Return this.
    Answer(R),
    /// Return this, and reload the value that was stored under this lease: its record.
    Reload(R, LeaseId, Vec<u8>),
    /// Ask for the lease. There may be a value that is to be replaced: its record.
    Ask(Intent, Option<Vec<u8>>),
    /// An invalidation of what is there has failed so far: it may be outdated.
    Outstanding,
}

/// A record that this function could have stored.
enum View {
    /// A value of this freshness.
    Value(Header, Freshness),
    /// Nothing to read: somebody loads, or it is of another schema.
    Nothing,
    /// It carries this lease, but counts no more, or is none of ours.
    Void(LeaseId),
    Outstanding,
}

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    /// The hit path: one GET. Otherwise what to do.
    pub(super) async fn look_up(&self, budget: &mut Budget) -> Result<Look<O::Return>, Error> {
        let store = &*self.core.store;
        let before = self.core.invalidator.before_reading();
        let Some(found) = budget.run(store, store.read(self.key, self.groups)).await? else {
            return Ok(Look::Ask(Intent::Read, None));
        };
        let (header, freshness) = match self.view(&found, before, budget).await {
            View::Value(header, freshness) => (header, freshness),
            View::Nothing => return Ok(Look::Ask(Intent::Read, None)),
            View::Void(lease) => return Ok(Look::Ask(Intent::Replace(lease), None)),
            View::Outstanding => return Ok(Look::Outstanding),
        };
        let record = found.record;
        if !self.answers(&header, freshness) {
            return Ok(Look::Ask(Intent::Read, Some(record)));
        }
        let Some(returned) = codec::decode(self.outcome, &header, &record) else {
            self.unreadable("an entry does not decode as what the function returns");
            return Ok(Look::Ask(Intent::Replace(header.lease), None));
        };
        self.count(&header, freshness, record.len());
        if self.policy.sliding && is_touch_due(&header, store.now(), self.policy) {
            self.touch(&header, header.stamps(&record), budget).await;
        }
        Ok(match freshness {
            Freshness::Early | Freshness::Stale if !is_busy(&header, store.now()) => {
                Look::Reload(returned, header.lease, record)
            }
            _ => Look::Answer(returned),
        })
    }

    /// Renews the life of a value that was asked for, and of the generations without which it would not
    /// count.
    async fn touch(&self, header: &Header, carried: &[u8], budget: &mut Budget) {
        let store = &*self.core.store;
        // The whole of it: hits are spread already.
        let touch = store.touch(self.key, header.lease, self.policy.ttl);
        let touched = budget.run(store, touch).await;
        let groups: Vec<_> = stamps(carried).map(|stamp| stamp.group).collect();
        let life = self.policy.longest_life(self.core.settings.max_ttl);
        let stamped = budget.run(store, store.stamp(&groups, life)).await;
        for error in [touched.err(), stamped.err()].into_iter().flatten() {
            self.counters.error(&error);
        }
    }

    /// The last good value, if it may stand in for a load that failed or is slow.
    pub(super) async fn fallback(&self, budget: &mut Budget) -> Option<O::Return> {
        self.policy.stale_if_error?;
        let (header, freshness, record) = self.read_again(budget).await?;
        if matches!(freshness, Freshness::Over | Freshness::Unknown) {
            return None;
        }
        let returned = self.decoded(&header, &record)?;
        self.counters.fallbacks.increment();
        Some(returned)
    }

    /// The last good value, if a load has failed shortly before and nobody is to try yet.
    pub(super) async fn throttled(&self, budget: &mut Budget) -> Option<O::Return> {
        self.policy.stale_if_error?;
        let (header, freshness, record) = self.read_again(budget).await?;
        self.answer_after_waiting(&header, freshness, &record)
    }

    /// An invalidation may have come between: what it removed is no answer.
    async fn read_again(&self, budget: &mut Budget) -> Option<(Header, Freshness, Vec<u8>)> {
        let store = &*self.core.store;
        let before = self.core.invalidator.before_reading();
        let found = budget.run(store, store.read(self.key, self.groups)).await.ok()??;
        match self.view(&found, before, budget).await {
            View::Value(header, freshness) => Some((header, freshness, found.record)),
            View::Nothing | View::Void(_) | View::Outstanding => None,
        }
    }

    /// A record that another load made, read without counting a hit: this call was a miss.
    pub(super) async fn read_shared(
        &self,
        record: &[u8],
        known: &Known,
        budget: &mut Budget,
    ) -> Option<O::Return> {
        let header = Header::read(record)?;
        if header.state == State::Lease || header.schema != self.schema {
            return None;
        }
        // A group may have been invalidated since that load began, and before this call did. If not, its
        // generation is what it was after this call began.
        let store = &*self.core.store;
        let before = self.core.invalidator.before_reading();
        let stamps = header.stamps(record);
        let is_current = before == known.before && known.stamps.include(stamps)
            || matches!(budget.run(store, store.is_current(stamps)).await, Ok(true));
        let counts = is_current && self.groups.are_in(stamps);
        let life = self.life_after_invalidation();
        if !counts || self.core.invalidator.was_outstanding(before, self.key, stamps, life) {
            return None;
        }
        self.decoded(&header, record)
    }

    /// What a load has come to that began after this call: nothing can have outdated it before.
    pub(super) fn read_loaded(&self, record: &[u8]) -> Option<O::Return> {
        let header = Header::read(record).filter(|header| header.schema == self.schema)?;
        self.decoded(&header, record)
    }

    /// What a caller who has waited for another load finds after it. Not a hit: it was a miss.
    pub(super) async fn read_after_waiting(
        &self,
        found: &Found,
        before: Before,
        budget: &mut Budget,
    ) -> Option<O::Return> {
        let View::Value(header, freshness) = self.view(found, before, budget).await else {
            return None;
        };
        self.answer_after_waiting(&header, freshness, &found.record)
    }

    fn answer_after_waiting(
        &self,
        header: &Header,
        freshness: Freshness,
        record: &[u8],
    ) -> Option<O::Return> {
        if !self.answers(header, freshness) {
            return None;
        }
        let returned = self.decoded(header, record)?;
        if freshness == Freshness::Fallback {
            self.counters.fallbacks.increment();
        }
        Some(returned)
    }

    fn decoded(&self, header: &Header, record: &[u8]) -> Option<O::Return> {
        let returned = codec::decode(self.outcome, header, record)?;
        self.counters.bytes_read.add(record.len() as u64);
        Some(returned)
    }

    /// Whether a value of this freshness is an answer.
    fn answers(&self, header: &Header, freshness: Freshness) -> bool {
        match freshness {
            Freshness::Fresh | Freshness::Early | Freshness::Stale => true,
            // A load has failed shortly before.
            Freshness::Fallback => {
                is_busy(header, self.core.store.now()) && header.lease == LeaseId::NONE
            }
            Freshness::Over | Freshness::Unknown => false,
        }
    }

    async fn view(&self, found: &Found, before: Before, budget: &mut Budget) -> View {
        let Some(header) = Header::read(&found.record) else {
            self.unreadable("what is stored here is no entry");
            return View::Void(LeaseId::NONE);
        };
        if header.state == State::Lease || header.schema != self.schema {
            return View::Nothing;
        }
        let stamps = header.stamps(&found.record);
        // One that lacks a group was stored by a version of the function that was not in it, and would
        // outlive an invalidation of that group.
        let counts = found.is_current && self.groups.are_in(stamps);
        if !counts && !self.core.broken.is(Rule::Stamps) {
            return View::Void(header.lease);
        }
        let life = self.life_after_invalidation();
        if self.core.invalidator.was_outstanding(before, self.key, stamps, life) {
            return View::Outstanding;
        }
        let freshness = self.core.freshness(&header, self.policy, budget).await;
        View::Value(header, freshness.unwrap_or(Freshness::Unknown))
    }

    fn count(&self, header: &Header, freshness: Freshness, bytes: usize) {
        match (freshness, header.kind) {
            (Freshness::Fallback, _) => self.counters.fallbacks.increment(),
            (_, Kind::Value) => self.counters.hits.increment(),
            (_, Kind::Absence) => self.counters.negative_hits.increment(),
        }
        if freshness == Freshness::Stale {
            self.counters.stale_hits.increment();
        }
        if freshness == Freshness::Fallback {
            self.counters.misses.increment();
        }
        self.counters.bytes_read.add(bytes as u64);
    }

    fn unreadable(&self, why: &str) {
        self.counters.error(&Error::new(ErrorKind::Decode, why));
    }
}
