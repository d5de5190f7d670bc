//! What came of a load: stored in one round trip, or given up.

use std::sync::Arc;
use std::time::Duration;

use super::look_up::entries;
use super::progress::{Kind, Phase, Progress, State};
use super::turns::tell;
use crate::background::finish_within;
use crate::call::conclude::count_stored;
use crate::call::permit::Granted;
use crate::fill::{Filling, Lease, run_many};
use crate::flight::Leader;
use crate::group::Group;
use crate::join::{Boxed, join_all};
use crate::lease::Life;
use crate::payload::Encoding;
use crate::sharing::Turn;
use crate::stats::Counters;

/// Bytes that are sent in one go: more would hold up what others send on the same connection.
const MOST_BYTES: usize = 4 << 20;

/// What is to be stored of an entry.
pub(super) enum Stored {
    New(Encoding),
    /// It is not kept.
    Nothing,
    /// What it is cannot be told.
    Unknown,
    /// The body failed.
    Failed,
}

/// A value that is about to be stored.
struct ToFill {
    index: usize,
    lease: Lease,
    encoding: Encoding,
    life: Life,
}

impl Progress {
    /// Whether all of these have a last good value that may stand in for a load that has failed.
    pub(super) fn find_fallback<'a>(&'a mut self, which: &'a [usize]) -> Phase<'a, bool> {
        Box::pin(async move {
            let most = self.reads_at_once();
            let Self { slots, budget, kind, .. } = self;
            let may_fall_back = |index: &usize| {
                let policy = &slots[*index].policy;
                policy.stale_if_error.is_some() || policy.stale.is_some()
            };
            if *kind == Kind::Reload || !which.iter().all(may_fall_back) {
                return false;
            }
            let core = Arc::clone(slots[0].core());
            let mut session = core.sessions.within(budget);
            let mut reads = Vec::with_capacity(which.len());
            for some in which.chunks(most) {
                let before = core.invalidator.before_reading();
                let found = session.read_many(&entries(slots, some)).await;
                let Ok(found) = found else { return false };
                for (index, found) in some.iter().zip(found) {
                    let Some(found) = found else { return false };
                    match slots[*index].fallback_of(found, before, &mut session).await {
                        Some(read) => reads.push(read),
                        None => return false,
                    }
                }
            }
            self.fallbacks = which.iter().copied().zip(reads).collect();
            true
        })
    }

    /// Stores what was loaded, and gives up the leases of what is not kept. The caller waits for that as long as its
    /// budget lasts; after that it goes on in the background.
    pub(super) fn conclude(&mut self) -> Phase<'_, ()> {
        Box::pin(async move {
            let (mut to_fill, mut given_up) = (Vec::new(), Vec::<Boxed<'static, ()>>::new());
            // Held until the end: whoever comes next is to find what is stored here.
            let mut turns = Vec::new();
            for index in 0..self.states.len() {
                let state = &mut self.states[index];
                if !matches!(state, State::Loaded(..)) {
                    continue;
                }
                let State::Loaded(granted, stored) = std::mem::replace(state, State::Done) else {
                    continue;
                };
                let Granted { lease, replaces, turn, .. } = granted;
                let slot = &self.slots[index];
                if let Some(turn) = turn {
                    tell(&turn, &stored);
                    turns.push(*turn);
                }
                match stored {
                    Stored::New(encoding) => {
                        let life = slot.entry().life(&encoding);
                        to_fill.push(ToFill { index, lease, encoding, life });
                    }
                    // The answer is another by now, although it is not kept: an older one is none any more.
                    Stored::Nothing if replaces => given_up.push(self.removal(index, lease.leader)),
                    Stored::Nothing | Stored::Unknown => {
                        let end = Leader::not_shareable;
                        given_up.push(self.release(index, lease.leader, end, Duration::ZERO));
                    }
                    Stored::Failed => {
                        given_up.push(self.release(
                            index,
                            lease.leader,
                            Leader::failed,
                            slot.pause(),
                        ));
                    }
                }
            }
            let fillings = self.fillings(to_fill).await;
            let fills =
                parts(fillings).into_iter().map(|(counters, fillings)| -> Boxed<'static, ()> {
                    Box::pin(async move {
                        for (counters, stored) in counters.iter().zip(run_many(fillings).await) {
                            count_stored(counters, stored);
                        }
                    })
                });
            let all: Vec<_> = fills.chain(given_up).collect();
            if !all.is_empty() {
                self.finish(all, turns).await;
            }
            for (index, read) in std::mem::take(&mut self.fallbacks) {
                self.states[index] = State::Found(read);
            }
        })
    }

    /// The FILLs, which are not sent yet. What the groups of the values are at is asked in one round trip, if it is not
    /// known.
    async fn fillings(&mut self, all: Vec<ToFill>) -> Vec<(Arc<Counters>, Filling)> {
        let Self { slots, budget, took, .. } = self;
        let Some(first) = all.first() else { return Vec::new() };
        let core = Arc::clone(slots[first.index].core());
        let asked: Vec<(&str, Vec<Group>)> = all
            .iter()
            .map(|fill| {
                let slot = &slots[fill.index];
                (&*slot.key, slot.entry().groups_after_load(&fill.encoding))
            })
            .collect();
        let life = all.iter().map(|fill| fill.life.whole).max().unwrap_or_default();
        let now = if asked.iter().all(|(_, groups)| groups.is_empty()) {
            Ok(vec![Some(crate::group::Stamps::default()); asked.len()])
        } else {
            core.sessions.within(budget).stamp_many(&asked, life).await
        };
        let now = match now {
            Ok(now) => now,
            Err(error) => {
                slots[first.index].failed(&error);
                all.into_iter().for_each(|fill| fill.lease.leader.unknown());
                return Vec::new();
            }
        };
        let fill = |(fill, now): (ToFill, _)| {
            let ToFill { index, lease, encoding, life } = fill;
            let slot = &slots[index];
            let counters = core.stats.same(&slot.counters);
            match slot.entry().fill_with(lease, encoding, *took, life, now) {
                Some(filling) => Some((counters, filling)),
                None => {
                    count_stored(&counters, Ok(None));
                    None
                }
            }
        };
        all.into_iter().zip(now).filter_map(fill).collect()
    }

    fn release(
        &self,
        index: usize,
        leader: Leader,
        end: fn(Leader),
        pause: Duration,
    ) -> Boxed<'static, ()> {
        let slot = &self.slots[index];
        let (cache, key, policy) = (slot.cache.clone(), slot.key.clone(), slot.policy);
        let (schema, groups) = (slot.schema, slot.groups.clone());
        let counters = slot.core().stats.same(&slot.counters);
        Box::pin(async move {
            let entry = crate::fill::EntryRef {
                cache: &cache,
                key: &key,
                policy: &policy,
                schema,
                groups: &groups,
            };
            let mut session = cache.core().sessions.begin();
            if let Err(error) = entry.release(leader, end, pause, &mut session).await {
                counters.error(&error);
            }
        })
    }

    /// Removes an entry, and the lease with it. A removal that fails or is cancelled is retried.
    fn removal(&self, index: usize, leader: Leader) -> Boxed<'static, ()> {
        let slot = &self.slots[index];
        leader.not_shareable();
        let invalidator = Arc::clone(&slot.core().invalidator);
        let counters = slot.core().stats.same(&slot.counters);
        let target = slot.target();
        Box::pin(async move {
            if let Err(error) = invalidator.invalidate(target).await {
                counters.error(&error);
            }
        })
    }

    async fn finish(&self, all: Vec<Boxed<'static, ()>>, turns: Vec<Turn>) {
        let storing = self.slots[0].core().background.storing();
        let stored: Boxed<'static, ()> = Box::pin(async move {
            let (_storing, _turns) = (storing, turns);
            join_all(all).await;
        });
        finish_within(self.budget.left(), stored).await;
    }
}

/// Fillings in parts that are sent one after the other.
fn parts(all: Vec<(Arc<Counters>, Filling)>) -> Vec<(Vec<Arc<Counters>>, Vec<Filling>)> {
    let mut parts: Vec<(Vec<Arc<Counters>>, Vec<Filling>)> = Vec::new();
    let mut bytes = 0;
    for (counters, filling) in all {
        bytes += filling.len();
        match parts.last_mut() {
            Some((all_counters, fillings)) if bytes <= MOST_BYTES => {
                all_counters.push(counters);
                fillings.push(filling);
            }
            _ => {
                bytes = filling.len();
                parts.push((vec![counters], vec![filling]));
            }
        }
    }
    parts
}
