//! Who may load: ask the store, and join, wait or lead accordingly.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Attempt, Decision, Reason};
use crate::backoff;
use crate::budget::Budget;
use crate::codec::{self, Decoded};
use crate::error::{Error, ErrorKind};
use crate::flight::{Asking, Join, Leader, Word};
use crate::lease::{Acquire, Acquired, Intent, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::record::{Header, State};

/// How often a caller starts over because an invalidation came between, before it loads for
/// itself without storing. Under a storm of invalidations nothing could be stored anyway.
const ROUNDS: usize = 4;

/// Pauses of a caller that waits for a load in another process: a share of the time that it has
/// waited already, so that it comes late by no more than that share and polls a long load seldom.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
const PAUSE_SHARE: u32 = 6;

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    /// The miss path: ask who may load, and join, wait or lead accordingly.
    pub(super) async fn decide(
        &self,
        mut intent: Intent,
        budget: &mut Budget,
    ) -> Decision<O::Return> {
        let patience = self.patience();
        let began = Instant::now();
        let mut rounds = 0;
        let mut waited = false;
        let mut orphan = None;
        loop {
            let asking = self.core.ask(self.key);
            let holder = match self.acquire(asking, intent, budget).await {
                Ok(Asked::Granted(leader)) => return Decision::Load(leader),
                Ok(Asked::Hit(record)) => match self.read_shared(&record) {
                    Ok(returned) => return Decision::Answer(returned),
                    Err(_) => {
                        intent = Intent::Replace;
                        rounds += 1;
                        if rounds >= ROUNDS {
                            return Decision::LoadAlone(Reason::NotShareable);
                        }
                        continue;
                    }
                },
                Ok(Asked::NoStore) => return Decision::LoadAlone(Reason::NotShareable),
                Ok(Asked::Held(holder)) => holder,
                Err(error) => return Decision::LoadAlone(self.failed(&error)),
            };
            if self.core.flights.is_ours(&holder) {
                match self.core.flights.join(self.key, &holder) {
                    Join::Follow(flight) => match self.follow(flight, patience).await {
                        Followed::Decided(decision) => return decision,
                        Followed::AskAgain => {}
                        Followed::StartOver if rounds < ROUNDS => rounds += 1,
                        Followed::StartOver => {
                            return Decision::LoadAlone(Reason::NotShareable);
                        }
                    },
                    // Seen twice, it is no flight that was just about to end.
                    Join::Unknown if orphan == Some(holder) => {
                        let release = self.core.release(self.key);
                        if let Some(leader) = self.core.flights.adopt(self.key, holder, release) {
                            return Decision::Load(leader);
                        }
                        pause(FIRST_PAUSE, patience).await;
                    }
                    Join::Unknown => {
                        orphan = Some(holder);
                        pause(FIRST_PAUSE, patience).await;
                    }
                    Join::Closed => pause(FIRST_PAUSE, patience).await,
                }
            } else if self.policy.lease.is_none() {
                return Decision::LoadAlone(Reason::NotShareable);
            } else {
                if !waited {
                    waited = true;
                    self.counters.waits.increment();
                }
                match self.wait(&holder, began, patience).await {
                    Ok(Some(returned)) => return Decision::Answer(returned),
                    Ok(None) => {}
                    Err(error) => return Decision::LoadAlone(self.failed(&error)),
                }
            }
            if Instant::now() >= patience {
                return Decision::LoadAlone(Reason::NotShareable);
            }
        }
    }

    /// Waits for the word of a flight's leader, but no longer than a lease: one that is neither
    /// polled nor dropped does not renew it, and whoever asks then gets it.
    async fn follow(
        &self,
        flight: oneshot::Receiver<Word>,
        patience: Instant,
    ) -> Followed<O::Return> {
        let alone = Decision::LoadAlone(Reason::NotShareable);
        let lapse = Instant::now() + self.lease();
        Followed::Decided(match tokio::time::timeout_at(patience.min(lapse), flight).await {
            Ok(Ok(Word::Stored(record))) => match self.read_shared(&record) {
                Ok(returned) => {
                    self.counters.coalesced.increment();
                    Decision::Answer(returned)
                }
                Err(_) => alone,
            },
            Ok(Ok(Word::Lead(leader))) => Decision::Load(leader),
            Ok(Ok(Word::StartOver)) => return Followed::StartOver,
            Err(_) if lapse < patience => return Followed::AskAgain,
            // Nothing to share, a leader that never spoke, or the end of our patience: run in
            // parallel, not in line.
            Ok(Ok(Word::LoadAlone) | Err(_)) | Err(_) => alone,
        })
    }

    async fn acquire(
        &self,
        asking: Asking,
        intent: Intent,
        budget: &mut Budget,
    ) -> Result<Asked, Error> {
        let acquire =
            Acquire { nonce: asking.nonce(), lease: self.lease(), schema: self.schema, intent };
        // On an error `asking` is dropped, which takes the question back.
        let acquired =
            budget.run(&*self.core.store, self.core.store.acquire(self.key, acquire)).await?;
        Ok(match acquired {
            Acquired::Grant(lease) => Asked::Granted(asking.granted(lease)),
            // Granted to this very question: it was executed, the connection lost, and it was sent
            // again.
            Acquired::Wait { holder } if holder.nonce() == acquire.nonce => {
                Asked::Granted(asking.granted(holder))
            }
            Acquired::Wait { holder } => {
                asking.not_granted();
                Asked::Held(holder)
            }
            Acquired::Hit(record) => {
                asking.not_granted();
                Asked::Hit(record)
            }
            Acquired::NoStore => {
                asking.not_granted();
                Asked::NoStore
            }
        })
    }

    /// A record that another load made, read without counting a hit: this call was a miss.
    fn read_shared(&self, record: &[u8]) -> Result<O::Return, Error> {
        match codec::decode(self.outcome, record, self.schema) {
            Decoded::Hit(returned, _) => {
                self.counters.bytes_read.add(record.len() as u64);
                Ok(returned)
            }
            Decoded::Miss | Decoded::Unreadable => {
                Err(Error::new(ErrorKind::Decode, "an entry cannot be read"))
            }
        }
    }

    /// Polls until the load in another process has ended, one way or the other.
    async fn wait(
        &self,
        holder: &LeaseId,
        began: Instant,
        patience: Instant,
    ) -> Result<Option<O::Return>, Error> {
        while Instant::now() < patience {
            let share = began.elapsed() / PAUSE_SHARE;
            pause(share.clamp(FIRST_PAUSE, LONGEST_PAUSE), patience).await;
            // A budget of its own: time spent waiting for a load is not time lost to the cache.
            let mut budget = self.core.budget();
            let Some(record) = budget.run(&*self.core.store, self.core.store.get(self.key)).await?
            else {
                return Ok(None);
            };
            let waiting = Header::read(&record)
                .is_some_and(|header| header.state == State::Lease && header.lease == *holder);
            if !waiting {
                return Ok(self.read_shared(&record).ok());
            }
        }
        Ok(None)
    }
}

/// What came of following another load.
enum Followed<R> {
    Decided(Decision<R>),
    /// An invalidation came between.
    StartOver,
    /// Nothing has been heard for as long as a lease lives.
    AskAgain,
}

/// The answer to a question for the lease.
enum Asked {
    Granted(Leader),
    Held(LeaseId),
    Hit(Vec<u8>),
    NoStore,
}

async fn pause(pause: Duration, patience: Instant) {
    tokio::time::sleep_until((Instant::now() + backoff::jittered(pause)).min(patience)).await;
}
