//! Asking the store who may load, for all callers of this process who want to know.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::permit::Granted;
use super::slot::Slot;
use crate::backoff;
use crate::budget::timed;
use crate::error::Error;
use crate::fill::{Acquisition, Lease};
use crate::flight::Join;
use crate::freshness::is_busy;
use crate::lease::{Intent, LeaseId};
use crate::loading;
use crate::record::{Record, State};
use crate::session::Session;
use crate::sharing::{Answer, Asker, Known, Question};

/// How often a caller starts over because an invalidation came between, before it loads for
/// itself without storing. Under a storm of invalidations nothing could be stored anyway.
pub(crate) const ROUNDS: usize = 4;

/// Pauses of a caller that polls for a load in another process: a share of the time that it has
/// waited already, so that it comes late by no more than that share and polls a long load seldom.
/// The longest is short, because one caller of a process polls for all, also for those that have come
/// just now.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(2);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(25);
pub(crate) const PAUSE_SHARE: u32 = 6;

/// What comes of asking for all.
pub(super) enum Asked {
    /// The lease is the asker's.
    Granted(Granted),
    Answer(Answer),
    /// The load that is waited for is one that this call is inside of.
    Inside,
    /// Neither an answer in time nor in so many rounds.
    None,
}

impl Slot {
    pub(super) fn question(&self, intent: Intent) -> Question {
        let (key, groups) = (self.key.as_str().into(), self.groups.of_lease());
        Question { key, schema: self.schema, intent, groups }
    }

    /// Asks until there is an answer: who may load, and then whether a load in another process has
    /// ended. The callers in line get the answer.
    pub(super) async fn ask(
        &self,
        asker: &mut Asker,
        mut intent: Intent,
        mut seen: LeaseId,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Asked {
        let replaces = seen != LeaseId::NONE || intent != Intent::Read;
        let flights = &self.core().flights;
        let began = Instant::now();
        let mut waits = false;
        let mut orphan = None;
        let mut outdated = None;
        for round in 0.. {
            if round > 0 && Instant::now() >= deadline {
                return Asked::None;
            }
            asker.sends();
            let before = self.core().invalidator.before_reading();
            // Before the lease is asked for, and so before the load that it allows.
            let stamps = match self.entry().stamps(session).await {
                Ok(Some(stamps)) => stamps,
                Ok(None) => return all(asker, || Answer::Alone),
                Err(error) => return failed(asker, error),
            };
            let asked = match self.entry().acquire(intent, seen, &stamps, session).await {
                Ok(asked) => asked,
                Err(error) => return failed(asker, error),
            };
            let known = Arc::new(Known { before, stamps });
            let follow = |lease: &LeaseId| match flights.join(&self.key, lease) {
                Join::Follow(flight) => Answer::Follow(flight, Arc::clone(&known)),
                Join::Closed | Join::Unknown => Answer::Again,
            };
            let (holder, of_holder) = match asked {
                Acquisition::Granted { lease, over_seen } => {
                    asker.tells(|| follow(&lease.id()));
                    return Asked::Granted(Granted::new(lease, over_seen, replaces));
                }
                Acquisition::Hit(record) => {
                    return some(asker, || Answer::Hit(record.clone(), Arc::clone(&known)));
                }
                Acquisition::NoStore => return some(asker, || Answer::Alone),
                Acquisition::Held(holder, of_holder) => (holder, of_holder),
            };
            // By the next time it may be another.
            seen = LeaseId::NONE;
            if !known.stamps.agree(of_holder.bytes()) {
                // One of the two is older than an invalidation of the whole group. If it is not this
                // one, which is seen by asking anew, it is that load: nothing that comes of it counts.
                if outdated == Some(holder) {
                    intent = Intent::Replace(holder);
                }
                outdated = Some(holder);
                if round >= ROUNDS {
                    return Asked::None;
                }
                continue;
            }
            if loading::is_leading(&holder) {
                return Asked::Inside;
            }
            if flights.is_ours(&holder) {
                match flights.join(&self.key, &holder) {
                    Join::Follow(flight) => {
                        asker.tells(|| follow(&holder));
                        return Asked::Answer(Answer::Follow(flight, known));
                    }
                    // Seen twice, it is no flight that was just about to end.
                    Join::Unknown if orphan == Some(holder) => {
                        let release = self.entry().release_later(Duration::ZERO);
                        if let Some(leader) = flights.adopt(&self.key, holder, release) {
                            asker.tells(|| follow(&holder));
                            let stamps = known.stamps.clone();
                            return Asked::Granted(Granted::taken_over(Lease { leader, stamps }));
                        }
                    }
                    Join::Unknown => orphan = Some(holder),
                    Join::Closed => {}
                }
                pause(FIRST_PAUSE, deadline).await;
            } else if self.policy.lease.is_none() {
                return some(asker, || Answer::Alone);
            } else {
                if !waits {
                    waits = true;
                    self.counters.waits.increment();
                }
                // Boxed, because few callers wait for other processes.
                let wait = Box::pin(self.wait(asker, &holder, began, deadline, session));
                match wait.await {
                    Ok(Some((seen, before))) => {
                        return some(asker, || Answer::Read(seen.clone(), before));
                    }
                    Ok(None) => {}
                    Err(error) => return Asked::Answer(Answer::Failed(error)),
                }
            }
        }
        Asked::None
    }
}

impl Slot {
    /// Whether the load under this lease has not ended, as far as a record says.
    pub(crate) fn is_held(&self, record: &Record, holder: &LeaseId) -> bool {
        let header = record.header();
        let is_held = header.state == State::Lease || is_busy(header, self.core().now(&self.key));
        is_held && header.lease == *holder
    }
}

/// An answer for the asker, and all who share it.
fn some(asker: &Asker, mut answer: impl FnMut() -> Answer) -> Asked {
    asker.tells(&mut answer);
    Asked::Answer(answer())
}

/// An answer that is as good for those who came after the question.
fn all(asker: &Asker, mut answer: impl FnMut() -> Answer) -> Asked {
    asker.tells_all(&mut answer);
    Asked::Answer(answer())
}

fn failed(asker: &Asker, error: Error) -> Asked {
    all(asker, || Answer::Failed(error.clone()))
}

pub(super) async fn pause(pause: Duration, deadline: Instant) {
    let until = (Instant::now() + backoff::jittered(pause)).min(deadline);
    timed(pin!(tokio::time::sleep_until(until))).await;
}
