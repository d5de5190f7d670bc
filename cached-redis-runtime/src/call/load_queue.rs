//! Loads that nobody else's can stand in for: after one that has failed, or takes too long, callers
//! take turns.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::answer::{Counts, Read};
use super::follow::Taken;
use super::permit::{Decision, Granted, Reason};
use super::slot::Slot;
use crate::budget::{by, timed};
use crate::fill::Acquisition;
use crate::flight::{Called, Entered};
use crate::lease::{Intent, LeaseId};
use crate::loading;
use crate::record::Record;
use crate::session::Session;
use crate::sharing::{Answer, Known, Turn};

impl Slot {
    /// Waits for its turn to load, or for what a load before it comes to.
    pub(super) async fn queue_up(&self, began: u64, session: &mut Session<'_>) -> Decision {
        if loading::has_turn(&self.key) {
            // A call inside of a load that has one would wait for itself.
            return Decision::LoadAlone(Reason::NotShareable);
        }
        if let Some(read) = self.throttled(session).await {
            return Decision::Answer(read);
        }
        let mut queued = match self.core().load_queues.enter(&self.key, began) {
            Entered::Load(turn) => return self.ask_in_turn(turn, session).await,
            Entered::Wait(queued) => queued,
        };
        self.counters.queued.increment();
        let patience = self.bounded(self.policy.load_timeout);
        loop {
            let Some(word) = by(Instant::now() + patience, &mut queued) else { break };
            match timed(pin!(word)).await {
                Some(Ok(Some(Called::Load(turn)))) => return self.ask_in_turn(turn, session).await,
                Some(Ok(Some(Called::Shared(answer)))) => {
                    let taken = self.take(answer, Instant::now(), session).await;
                    let Taken::Decided(decision) = taken else { break };
                    return match decision {
                        Decision::Answer(Read { record, counts: Counts::Shared, .. }) => {
                            Decision::Answer(Read::new(record, Counts::Coalesced))
                        }
                        other => other,
                    };
                }
                Some(Ok(Some(Called::Open) | None)) | None => break,
                Some(Err(_)) => queued.widen(patience),
            }
        }
        Decision::LoadAlone(Reason::NotShareable)
    }

    /// Asks for the lease once more: a value may have come, and one that is loaded under a lease can be
    /// stored.
    async fn ask_in_turn(&self, mut turn: Turn, session: &mut Session<'_>) -> Decision {
        turn.begins();
        let before = self.core().invalidator.before_reading();
        let Ok(Some(stamps)) = self.entry().stamps(session).await else {
            return Decision::InTurn(turn);
        };
        match self.entry().acquire(Intent::Read, LeaseId::NONE, &stamps, session).await {
            Ok(Acquisition::Granted { lease, over_seen }) => {
                let granted = Granted::new(lease, over_seen, true);
                Decision::Load(Granted { turn: Some(Box::new(turn)), ..granted })
            }
            Ok(Acquisition::Hit(Some(record))) => {
                let known = Arc::new(Known { before, stamps });
                match self.read_shared(record.clone(), Counts::Shared, &known, session).await {
                    Some(read) => {
                        turn.shares(|| Answer::Hit(Some(record.clone()), Arc::clone(&known)));
                        Decision::Answer(read)
                    }
                    None => Decision::InTurn(turn),
                }
            }
            Ok(Acquisition::Held(..) | Acquisition::NoStore | Acquisition::Hit(None)) => {
                Decision::InTurn(turn)
            }
            Err(error) => {
                self.failed(&error);
                Decision::InTurn(turn)
            }
        }
    }
}

/// Answers those who have waited since before the load began.
pub(crate) fn share(turn: &Turn, record: &[u8]) {
    match Record::read(Bytes::copy_from_slice(record)) {
        Some(record) => turn.shares(|| Answer::Loaded(record.clone())),
        None => turn.opens(),
    }
}
