//! Waiting for a load in another process.
//!
//! Where the server reports what changes, a caller reads the entry such that its next change is reported, and sleeps
//! until it is: a value was stored, the lease given up, the entry removed or expired. Elsewhere it polls.
//!
//! A report can be lost with its connection, and a server reports an expired lease when it comes across it. So a caller
//! also looks by itself, seldom.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ask::{FIRST_PAUSE, LONGEST_PAUSE, PAUSE_SHARE, pause};
use super::slot::Slot;
use crate::backoff::jittered;
use crate::budget::timed;
use crate::error::{Error, ErrorKind};
use crate::invalidation::Before;
use crate::judgement::Seen;
use crate::lease::LeaseId;
use crate::record::Record;
use crate::session::Session;
use crate::sharing::{Answer, Asker};
use crate::store::Found;
use crate::watched::waiting::Waiter;

/// How often within a lease a caller looks although nothing is reported.
const IN_A_LEASE: u32 = 8;
/// Well within the time after which others take over from a caller that does not move.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// What an entry says of the load that it was waited for.
pub(crate) enum Load {
    /// It goes on.
    Runs(Record),
    /// It has ended, and this is there.
    Ended(Seen),
    /// Nothing: the store is to be asked who may load.
    Unknown,
}

/// What a caller that waits has found: the load, what was outstanding before, and who is told of the next change of the
/// entry, if the server reports it and that was asked for.
type Look = (Load, Before, Option<Waiter>);

impl Slot {
    /// What was found under the key says this of the load under that lease.
    pub(crate) fn seen_of(&self, holder: &LeaseId, found: Option<Found>) -> Load {
        let Some(Found { record, is_current }) = found else { return Load::Unknown };
        match Record::read(record) {
            Some(record) if !self.is_held(&record, holder) => {
                Load::Ended(Seen { record, is_current })
            }
            Some(record) if is_current => Load::Runs(record),
            // It cannot be read; or a group has been invalidated since, and the lease says whether that load counts.
            _ => Load::Unknown,
        }
    }

    /// Waits until a load in another process has ended, one way or the other, and returns the record that it left.
    pub(super) async fn wait(
        &self,
        asker: &mut Asker,
        holder: &LeaseId,
        began: Instant,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Result<Option<(Seen, Before)>, Error> {
        let poll = || {
            let share = began.elapsed() / PAUSE_SHARE;
            pause(share.clamp(FIRST_PAUSE, LONGEST_PAUSE), deadline)
        };
        let store = self.core().sessions.store();
        // Even where the server reports changes: if the first look says "ask again", the caller would ask in a busy loop.
        poll().await;
        // Set while the server reports the next change to this caller.
        let mut waiter = None;
        let mut is_woken = true;
        while Instant::now() < deadline {
            asker.sends();
            // What a report or the time leads to is most often the end, and then nobody wants to know of the next change.
            let is_first = waiter.is_none();
            let (record, new) = match self.look(holder, is_first, session).await {
                Ok((Load::Ended(seen), before, _)) => return Ok(Some((seen, before))),
                Ok((Load::Unknown, ..)) => return Ok(None),
                Ok((Load::Runs(record), _, new)) => (record, new),
                Err(error) => {
                    // Slow once, and only this caller has lost its budget: the next one asks. Away,
                    // and it is so for all.
                    if error.kind() != ErrorKind::Timeout {
                        asker.tells_all(|| Answer::Failed(error.clone()));
                    }
                    return Err(error);
                }
            };
            if is_woken {
                // At first, or after a report in vain.
                waiter = new;
            }
            let Some(waiter) = &waiter else {
                // Nobody tells; or in vain, as of a renewal: whoever writes the entry again and again makes nobody spin.
                poll().await;
                continue;
            };
            let is_current = || store.knows_current(&self.key, record.stamps()) == Some(true);
            let sleep = (self.lease() / IN_A_LEASE).clamp(LONGEST_PAUSE, LONGEST_SLEEP);
            let until = deadline.min(Instant::now() + jittered(sleep));
            let changed = pin!(timeout_at(until, waiter.changed(is_current)));
            is_woken = matches!(timed(changed).await, Some(Ok(())));
        }
        Ok(None)
    }

    /// Looks whether that load goes on; `watches` to be told of the next change if it does.
    async fn look(
        &self,
        holder: &LeaseId,
        watches: bool,
        session: &mut Session<'_>,
    ) -> Result<Look, Error> {
        let core = self.core();
        let before = core.invalidator.before_reading();
        // Time spent waiting for a load is not time lost to the cache.
        let (found, waiter) = match core.sessions.store().watched().filter(|_| watches) {
            None => (session.read_free(&self.key, &self.groups).await?, None),
            Some(watched) => {
                // Before the entry is read, so that no change is missed between.
                let waiter = watched.wait_for(&self.key);
                let read = session.read_watched_free(&self.key, &self.groups).await;
                let (found, is_reported) = read?;
                (found, is_reported.then_some(waiter))
            }
        };
        Ok((self.seen_of(holder, found), before, waiter))
    }
}
