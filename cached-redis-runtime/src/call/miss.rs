//! Who may load: ask the store, and join, wait or lead accordingly.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use super::{Attempt, Decision, Granted, Reason};
use crate::backoff;
use crate::budget::{Budget, timed};
use crate::current;
use crate::error::Error;
use crate::flight::{Follower, Join, Leader, Word};
use crate::freshness::is_busy;
use crate::group::Stamps;
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
    /// The miss path: ask who may load, and join, wait or lead accordingly. From `soft` on the last good
    /// value is an answer.
    pub(super) async fn decide(
        &self,
        intent: Intent,
        seen: LeaseId,
        soft: Option<Instant>,
        budget: &mut Budget,
    ) -> Decision<O::Return> {
        let began = Instant::now();
        let patience = self.patience_from(began);
        if let Some(soft) = soft {
            let waiting = self.decide_until(intent, seen, budget, began, soft.min(patience));
            let decision = waiting.await;
            let is_late = Instant::now() >= soft;
            if !is_late || !matches!(decision, Decision::LoadAlone(Reason::NotShareable)) {
                return decision;
            }
            if let Some(returned) = self.fallback(budget).await {
                return Decision::Answer(returned);
            }
        }
        self.decide_until(intent, seen, budget, began, patience).await
    }

    async fn decide_until(
        &self,
        mut intent: Intent,
        mut seen: LeaseId,
        budget: &mut Budget,
        began: Instant,
        patience: Instant,
    ) -> Decision<O::Return> {
        let saw_value = seen != LeaseId::NONE;
        let mut rounds = 0;
        let mut waited = false;
        let mut orphan = None;
        let mut outdated = None;
        loop {
            // Before the lease is asked for, and so before the load that it allows.
            let stamps = match self.stamps(budget).await {
                Ok(Some(stamps)) => stamps,
                Ok(None) => return Decision::LoadAlone(Reason::NotShareable),
                Err(error) => return Decision::LoadAlone(self.failed(&error)),
            };
            let (holder, of_holder) = match self.acquire(intent, seen, &stamps, budget).await {
                Ok(Asked::Granted(leader, over_seen)) => {
                    let replaces = saw_value || intent != Intent::Read;
                    return Decision::Load(Granted { leader, stamps, over_seen, replaces });
                }
                Ok(Asked::Hit(record)) => match self.read_shared(&record, budget).await {
                    Some(returned) => return Decision::Answer(returned),
                    None => {
                        let found = Header::read(&record).map(|header| header.lease);
                        intent = Intent::Replace(found.unwrap_or(LeaseId::NONE));
                        rounds += 1;
                        if rounds >= ROUNDS {
                            return Decision::LoadAlone(Reason::NotShareable);
                        }
                        continue;
                    }
                },
                Ok(Asked::NoStore) => return Decision::LoadAlone(Reason::NotShareable),
                Ok(Asked::Held(holder, stamps)) => {
                    // By the next time it may be another.
                    seen = LeaseId::NONE;
                    (holder, stamps)
                }
                Err(error) => return Decision::LoadAlone(self.failed(&error)),
            };
            if !stamps.agree(of_holder.bytes()) {
                // One of the two is older than an invalidation of the whole group. If it is not this
                // one, which is seen by asking anew, it is that load: nothing that comes of it counts.
                if outdated == Some(holder) {
                    intent = Intent::Replace(holder);
                }
                outdated = Some(holder);
                rounds += 1;
                if rounds >= ROUNDS {
                    return Decision::LoadAlone(Reason::NotShareable);
                }
                continue;
            }
            if current::is_leading(&holder) {
                return Decision::LoadAlone(Reason::NotShareable);
            }
            if self.core.flights.is_ours(&holder) {
                match self.core.flights.join(self.key, &holder) {
                    Join::Follow(flight) => {
                        match self.follow(flight, stamps, patience, budget).await {
                            Followed::Decided(decision) => return decision,
                            Followed::AskAgain => {}
                            Followed::StartOver if rounds < ROUNDS => rounds += 1,
                            Followed::StartOver => {
                                return Decision::LoadAlone(Reason::NotShareable);
                            }
                        }
                    }
                    // Seen twice, it is no flight that was just about to end.
                    Join::Unknown if orphan == Some(holder) => {
                        let release = self.core.release(self.key, Duration::ZERO);
                        if let Some(leader) = self.core.flights.adopt(self.key, holder, release) {
                            return Decision::Load(Granted::taken_over(leader, stamps));
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
                match self.wait(&holder, began, patience, budget).await {
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

    /// What the groups of the entry are at; `None` if nothing may be stored.
    pub(super) async fn stamps(&self, budget: &mut Budget) -> Result<Option<Stamps>, Error> {
        let store = &*self.core.store;
        budget.run(store, store.stamp(&self.groups.of_lease())).await
    }

    /// Waits for the word of a flight's leader, but no longer than a lease: one that is neither
    /// polled nor dropped does not renew it, and whoever asks then gets it.
    async fn follow(
        &self,
        flight: Follower,
        stamps: Stamps,
        patience: Instant,
        budget: &mut Budget,
    ) -> Followed<O::Return> {
        let alone = Decision::LoadAlone(Reason::NotShareable);
        let lapse = Instant::now() + self.lease();
        let heard = pin!(tokio::time::timeout_at(patience.min(lapse), flight));
        let Some(heard) = timed(heard).await else {
            return Followed::Decided(alone);
        };
        Followed::Decided(match heard {
            Ok(Some(Word::Stored(record))) => match self.read_shared(&record, budget).await {
                Some(returned) => {
                    self.counters.coalesced.increment();
                    Decision::Answer(returned)
                }
                None => return Followed::StartOver,
            },
            Ok(Some(Word::Lead(leader))) => Decision::Load(Granted::taken_over(leader, stamps)),
            Ok(Some(Word::StartOver)) => return Followed::StartOver,
            Err(_) if lapse < patience => return Followed::AskAgain,
            // Nothing to share, a leader that never spoke, or the end of our patience: run in
            // parallel, not in line.
            Ok(Some(Word::LoadAlone) | None) | Err(_) => alone,
        })
    }

    /// Asks for the lease.
    pub(super) async fn acquire(
        &self,
        intent: Intent,
        seen: LeaseId,
        stamps: &Stamps,
        budget: &mut Budget,
    ) -> Result<Asked, Error> {
        let asking = self.core.ask(self.key);
        let acquire = Acquire {
            nonce: asking.nonce(),
            lease: self.lease(),
            schema: self.schema,
            intent,
            seen,
            stamps,
        };
        // On an error `asking` is dropped, which takes the question back.
        let acquired =
            budget.run(&*self.core.store, self.core.store.acquire(self.key, acquire)).await?;
        Ok(match acquired {
            Acquired::Grant { lease, over_seen } => {
                Asked::Granted(asking.granted(lease), over_seen)
            }
            // Granted to this very question: it was executed, the connection lost, and it was sent
            // again.
            Acquired::Wait { holder, .. } if holder.nonce() == acquire.nonce => {
                Asked::Granted(asking.granted(holder), false)
            }
            Acquired::Wait { holder, stamps } => {
                asking.not_granted();
                Asked::Held(holder, stamps)
            }
            Acquired::Hit(record) => {
                asking.not_granted();
                Asked::Hit(record)
            }
            Acquired::NoStore | Acquired::Nothing => {
                asking.not_granted();
                Asked::NoStore
            }
        })
    }

    /// Polls until the load in another process has ended, one way or the other.
    async fn wait(
        &self,
        holder: &LeaseId,
        began: Instant,
        patience: Instant,
        budget: &mut Budget,
    ) -> Result<Option<O::Return>, Error> {
        while Instant::now() < patience {
            let share = began.elapsed() / PAUSE_SHARE;
            pause(share.clamp(FIRST_PAUSE, LONGEST_PAUSE), patience).await;
            let store = &*self.core.store;
            let before = self.core.invalidator.before_reading();
            // Time spent waiting for a load is not time lost to the cache.
            let read = store.read(self.key, self.groups);
            let Some(found) = budget.run_free(store, read).await? else { return Ok(None) };
            let Some(header) = Header::read(&found.record) else { return Ok(None) };
            let is_held = header.state == State::Lease || is_busy(&header, store.now());
            if !is_held || header.lease != *holder {
                return Ok(self.read_after_waiting(&found, before, budget).await);
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
pub(super) enum Asked {
    Granted(Leader, bool),
    Held(LeaseId, Stamps),
    Hit(Vec<u8>),
    NoStore,
}

async fn pause(pause: Duration, patience: Instant) {
    let until = (Instant::now() + backoff::jittered(pause)).min(patience);
    timed(pin!(tokio::time::sleep_until(until))).await;
}
