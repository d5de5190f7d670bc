//! Who may load: ask the store, and join, wait or lead accordingly. Of the callers of one process, one
//! asks for all ([`ask`](super::ask)). What cannot be shared takes turns ([`turn`](super::turn)).

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{Answer, Asker, Known, ROUNDS, Told};
use super::look_up::Counts;
use super::slot::Slot;
use super::{Decision, Granted, Reason};
use crate::budget::{by, timed};
use crate::error::{Error, ErrorKind};
use crate::flight::{Follower, Heard, Place, Waiting, Word};
use crate::lease::{Intent, LeaseId};
use crate::record::Record;
use crate::session::Session;

/// A caller that asks for all and has not moved for so long beyond its budget is not being polled.
const STALL: Duration = Duration::from_secs(1);

impl Slot {
    /// The miss path: ask who may load, and join, wait or lead accordingly. From `soft` on the last good
    /// value is an answer.
    pub(super) async fn decide(
        &self,
        intent: Intent,
        seen: LeaseId,
        soft: Option<Instant>,
        session: &mut Session<'_>,
    ) -> Decision {
        let began = self.core().turns.moment();
        let patience = self.patience_from(Instant::now());
        if let Some(soft) = soft {
            let decision = self.share(intent, seen, soft.min(patience), session).await;
            let is_late = Instant::now() >= soft;
            match decision {
                None | Some(Decision::LoadAlone(Reason::NotShareable)) if is_late => {}
                Some(decision) => return decision,
                None => return self.queue_up(began, session).await,
            }
            if let Some(read) = self.fallback(session).await {
                return Decision::Answer(read);
            }
        }
        match self.share(intent, seen, patience, session).await {
            Some(decision) => decision,
            None => self.queue_up(began, session).await,
        }
    }

    /// Shares what other callers have asked, read or loaded, until `deadline`. `None`: nothing has come
    /// of it.
    async fn share(
        &self,
        mut intent: Intent,
        seen: LeaseId,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Option<Decision> {
        // Who wants the newest takes the lease in any case.
        let is_shared = matches!(intent, Intent::Read | Intent::Replace(_));
        let mut lost = Duration::ZERO;
        let mut rounds = 0;
        loop {
            let joined = Instant::now();
            let place = if is_shared {
                self.core().lines.join(self.question(intent))
            } else {
                Place::Ask(Asker::alone())
            };
            let heard = match place {
                Place::Ask(asker) => Heard::Ask(asker),
                Place::Wait(waiting) => self.hear(waiting, deadline).await?,
            };
            let told = match heard {
                Heard::Ask(mut asker) => {
                    match self.ask(&mut asker, intent, seen, deadline, session).await {
                        Answer::Granted(granted) => return Some(Decision::Load(granted)),
                        Answer::Inside => return Some(Decision::LoadAlone(Reason::NotShareable)),
                        Answer::Told(told) => told,
                        Answer::None => return None,
                    }
                }
                Heard::Answer(Told::Failed(error)) if error.kind() == ErrorKind::Timeout => {
                    // Perhaps the other one had little left of its budget.
                    lost += joined.elapsed();
                    if lost < self.core().settings.budget / 2 {
                        continue;
                    }
                    Told::Failed(error)
                }
                Heard::Answer(told) => {
                    if matches!(told, Told::Read(..)) {
                        self.counters.waits.increment();
                    }
                    told
                }
            };
            match self.take(told, deadline, session).await {
                Taken::Decided(decision) => return Some(decision),
                Taken::Nothing => return None,
                Taken::Again => {}
                Taken::Replace(found) => {
                    intent = Intent::Replace(found);
                    rounds += 1;
                }
                Taken::StartOver => rounds += 1,
            }
            if rounds >= ROUNDS || Instant::now() >= deadline {
                return None;
            }
        }
    }

    /// Waits in line until there is an answer, or it is this caller's turn to ask. `None`: not in time.
    async fn hear(
        &self,
        mut waiting: Waiting<super::ask::Question, Told>,
        deadline: Instant,
    ) -> Option<Heard<super::ask::Question, Told>> {
        let stall = self.core().settings.budget + STALL;
        let no_timers = || Heard::Answer(Told::Failed(Error::unreachable()));
        loop {
            let until = deadline.min(Instant::now() + stall);
            let Some(word) = by(until, &mut waiting) else { return Some(no_timers()) };
            match timed(pin!(word)).await {
                None => return Some(no_timers()),
                Some(Ok(Some(heard))) => return Some(heard),
                Some(Ok(None)) => return Some(Heard::Answer(Told::Again)),
                Some(Err(_)) if Instant::now() >= deadline => return None,
                Some(Err(_)) => {
                    if let Some(asker) = waiting.take_over(stall) {
                        return Some(Heard::Ask(asker));
                    }
                }
            }
        }
    }

    /// What to make of what the store has said.
    pub(super) async fn take(
        &self,
        told: Told,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Taken {
        let answer = |read| Taken::Decided(Decision::Answer(read));
        match told {
            Told::Follow(flight, known) => self.follow(flight, &known, deadline, session).await,
            Told::Hit(None, _) => Taken::Replace(LeaseId::NONE),
            Told::Hit(Some(record), known) => {
                let lease = record.header().lease;
                let read = self.read_shared(record, Counts::Shared, &known, session).await;
                read.map_or(Taken::Replace(lease), answer)
            }
            Told::Read(seen, before) => {
                let read = self.read_after_waiting(seen, before, session).await;
                read.map_or(Taken::Again, answer)
            }
            Told::Loaded(record) => self.read_loaded(record).map_or(Taken::Again, answer),
            Told::Alone => Taken::Decided(Decision::LoadAlone(Reason::NotShareable)),
            Told::Again => Taken::Again,
            Told::Failed(error) => Taken::Decided(Decision::LoadAlone(self.failed(&error))),
        }
    }

    /// Waits for the word of a flight's leader, but no longer than a lease: one that is neither
    /// polled nor dropped does not renew it, and whoever asks then gets it.
    async fn follow(
        &self,
        flight: Follower,
        known: &Known,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Taken {
        let lapse = Instant::now() + self.lease();
        let heard = pin!(tokio::time::timeout_at(deadline.min(lapse), flight));
        let Some(heard) = timed(heard).await else {
            return Taken::Decided(Decision::LoadAlone(Reason::NotShareable));
        };
        Taken::Decided(match heard {
            Ok(Some(Word::Stored(record))) => {
                let read = match Record::read(record) {
                    Some(record) => {
                        self.read_shared(record, Counts::Coalesced, known, session).await
                    }
                    None => None,
                };
                let Some(read) = read else { return Taken::StartOver };
                Decision::Answer(read)
            }
            Ok(Some(Word::Lead(leader))) => {
                Decision::Load(Granted::taken_over(leader, known.stamps.clone()))
            }
            Ok(Some(Word::StartOver)) => return Taken::StartOver,
            Ok(Some(Word::LoadAlone)) => Decision::LoadAlone(Reason::NotShareable),
            Err(_) if lapse < deadline => return Taken::Again,
            // It has failed, has never said a word, or takes too long.
            Ok(Some(Word::Failed) | None) | Err(_) => return Taken::Nothing,
        })
    }
}

/// What a caller makes of an answer.
pub(super) enum Taken {
    Decided(Decision),
    /// Ask anew: who holds the lease has changed.
    Again,
    /// Ask anew: an invalidation came between.
    StartOver,
    /// Ask anew: the record that carries this lease cannot be used.
    Replace(LeaseId),
    /// Nothing to share.
    Nothing,
}
