//! Reading the entries of a batch.

use std::sync::Arc;

#[cfg(feature = "local")]
use super::local::read;
use super::progress::{Kind, Progress, State, Tries};
use crate::call::answer::{Counts, Read};
use crate::call::look_up::Look;
use crate::call::permit::Reason;
use crate::call::slot::Slot;
#[cfg(not(feature = "local"))]
use crate::entry::CopyKey;
#[cfg(not(feature = "local"))]
use crate::error::Error;
use crate::freshness::Freshness;
use crate::group::Groups;
use crate::join::{Boxed, join_all};
use crate::lease::{Intent, LeaseId};
use crate::record::Record;
#[cfg(not(feature = "local"))]
use crate::session::Session;
#[cfg(not(feature = "local"))]
use crate::store::Found;

impl Progress {
    /// Reads these entries, and finds out what each of them is good for.
    pub(super) async fn look_up(&mut self, which: &[usize]) {
        let Self { slots, copy_keys, states, budget, kind, due, .. } = self;
        let core = Arc::clone(slots[0].core());
        let mut to_read = Vec::with_capacity(which.len());
        for &index in which {
            let slot = &slots[index];
            // An invalidation of this entry is still being retried, so the stored value may be outdated.
            if slot.is_outstanding() {
                slot.counters.misses.increment();
                states[index] = State::Alone(Reason::NotShareable);
            } else if *kind == Kind::Refresh {
                slot.counters.misses.increment();
                states[index] = State::Ask(Tries::new(Intent::Refresh, LeaseId::NONE));
            } else {
                to_read.push(index);
            }
        }
        if to_read.is_empty() {
            return;
        }
        let mut session = core.sessions.within(budget);
        let before = core.invalidator.before_reading();
        let found = match read(slots, copy_keys, &to_read, &mut session).await {
            Ok(found) => found,
            Err(error) => {
                slots[0].failed(&error);
                for index in to_read {
                    slots[index].counters.misses.increment();
                    states[index] = State::Alone(Reason::StoreFailed);
                }
                return;
            }
        };
        let mut touches = Vec::new();
        for (index, (found, begun)) in to_read.into_iter().zip(found) {
            let slot = &slots[index];
            let look = match found {
                Some(found) => slot.look_at(found, before, &mut session).await,
                None => Look::Ask(Intent::Read, None),
            };
            states[index] = match look {
                Look::Answer(mut read) => {
                    if read.counts == Counts::Hit(Freshness::Fresh) {
                        read.is_watched_by(begun);
                    }
                    if slot.is_touch_due(&read.record) {
                        touches.push((index, read.record.clone()));
                    }
                    State::Found(read)
                }
                Look::Reload(read) => reload(index, read, *kind, due, slot),
                Look::Ask(intent, previous) => {
                    slot.counters.found_nothing(slot.policy.ttl);
                    slot.counters.misses.increment();
                    let seen = previous.map(|record| record.header().lease);
                    State::Ask(Tries::new(intent, seen.unwrap_or(LeaseId::NONE)))
                }
                Look::Outstanding => {
                    slot.counters.misses.increment();
                    State::Alone(Reason::NotShareable)
                }
            };
        }
        touch(slots, &touches).await;
    }
}

/// These entries, as a store reads them.
pub(super) fn entries<'a>(slots: &'a [Slot], which: &[usize]) -> Vec<(&'a str, &'a Groups)> {
    which.iter().map(|index| (&*slots[*index].key, &slots[*index].groups)).collect()
}

/// Reads these entries. None is watched.
#[cfg(not(feature = "local"))]
async fn read(
    slots: &[Slot],
    _: &[Option<CopyKey>],
    which: &[usize],
    session: &mut Session<'_>,
) -> Result<Vec<(Option<Found>, ())>, Error> {
    let found = session.read_many(&entries(slots, which)).await?;
    Ok(found.into_iter().map(|found| (found, ())).collect())
}

/// A value that is to be reloaded: in the background, or, where the body cannot outlive the call, while it waits.
fn reload(
    index: usize,
    read: Read,
    kind: Kind,
    due: &mut Vec<(usize, LeaseId)>,
    slot: &Slot,
) -> State {
    let lease = read.record.header().lease;
    let is_stale = matches!(read.counts, Counts::Hit(Freshness::Stale));
    match kind {
        Kind::Call { detachable: false } if is_stale => {
            slot.counters.misses.increment();
            State::Ask(Tries::new(Intent::Read, lease))
        }
        Kind::Call { detachable: false } => State::Found(read),
        _ => {
            due.push((index, lease));
            State::Found(read)
        }
    }
}

/// Renews lives that hits renew, all at once.
async fn touch(slots: &[Slot], touches: &[(usize, Record)]) {
    let touch = |(index, record): &(usize, Record)| -> Boxed<'_, ()> {
        let (slot, record) = (&slots[*index], record.clone());
        Box::pin(async move {
            slot.touch(&record, &mut slot.core().sessions.begin()).await;
        })
    };
    join_all(touches.iter().map(touch).collect()).await;
}
