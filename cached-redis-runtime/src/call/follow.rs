//! What a caller makes of an answer that it shares, or of the load that it follows.

use std::pin::pin;

use tokio::time::Instant;

use super::answer::Counts;
use super::permit::{Decision, Granted, Reason};
use super::slot::Slot;
use crate::budget::timed;
use crate::fill::Lease;
use crate::flight::{Follower, Word};
use crate::lease::LeaseId;
use crate::record::Record;
use crate::session::Session;
use crate::sharing::{Answer, Known};

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

impl Slot {
    /// What to make of what the store has said.
    pub(super) async fn take(
        &self,
        answer: Answer,
        deadline: Instant,
        session: &mut Session<'_>,
    ) -> Taken {
        let found = |read| Taken::Decided(Decision::Answer(read));
        match answer {
            Answer::Follow(flight, known) => self.follow(flight, &known, deadline, session).await,
            Answer::Hit(None, _) => Taken::Replace(LeaseId::NONE),
            Answer::Hit(Some(record), known) => {
                let lease = record.header().lease;
                let read = self.read_shared(record, Counts::Shared, &known, session).await;
                read.map_or(Taken::Replace(lease), found)
            }
            Answer::Read(seen, before) => {
                let read = self.read_after_waiting(seen, before, session).await;
                read.map_or(Taken::Again, found)
            }
            Answer::Loaded(record) => self.read_loaded(record).map_or(Taken::Again, found),
            Answer::Alone => Taken::Decided(Decision::LoadAlone(Reason::NotShareable)),
            Answer::Again => Taken::Again,
            Answer::Failed(error) => Taken::Decided(Decision::LoadAlone(self.failed(&error))),
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
                let lease = Lease { leader, stamps: known.stamps.clone() };
                Decision::Load(Granted::taken_over(lease))
            }
            Ok(Some(Word::StartOver)) => return Taken::StartOver,
            Ok(Some(Word::LoadAlone)) => Decision::LoadAlone(Reason::NotShareable),
            Err(_) if lapse < deadline => return Taken::Again,
            // It has failed, has never said a word, or takes too long.
            Ok(Some(Word::Failed) | None) | Err(_) => return Taken::Nothing,
        })
    }
}
