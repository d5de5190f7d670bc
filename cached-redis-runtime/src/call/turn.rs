//! Loads that nobody else's can stand in for: after one that has failed, or takes too long, callers
//! take turns.

use std::pin::pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::ask::{Asked, Known, Told};
use super::behind::Body;
use super::load;
use super::miss::Taken;
use super::{Attempt, Decision, Granted, Reason};
use crate::budget::{Budget, by, timed};
use crate::codec;
use crate::current;
use crate::flight::{self, Called, Entered};
use crate::lease::{Intent, LeaseId};
use crate::outcome::{Outcome, Storable};

pub(crate) type Turns = flight::Turns<Told>;
pub(crate) type Turn = flight::Turn<Told>;

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    /// Waits for its turn to load, or for what a load before it comes to.
    pub(super) async fn queue_up(&self, began: u64, budget: &mut Budget) -> Decision<O::Return> {
        if current::has_turn(self.key) {
            // A call inside of a load that has one would wait for itself.
            return Decision::LoadAlone(Reason::NotShareable);
        }
        if let Some(returned) = self.throttled(budget).await {
            return Decision::Answer(returned);
        }
        let mut queued = match self.core.turns.enter(self.key, began) {
            Entered::Load(turn) => return self.ask_in_turn(turn, budget).await,
            Entered::Wait(queued) => queued,
        };
        self.counters.queued.increment();
        let patience = self.bounded(self.policy.load_timeout);
        loop {
            let Some(word) = by(Instant::now() + patience, &mut queued) else { break };
            match timed(pin!(word)).await {
                Some(Ok(Some(Called::Load(turn)))) => return self.ask_in_turn(turn, budget).await,
                Some(Ok(Some(Called::Shared(told)))) => {
                    let taken = self.take(told, Instant::now(), budget).await;
                    if let Taken::Decided(decision) = taken {
                        self.counters.coalesced.increment();
                        return decision;
                    }
                    break;
                }
                Some(Ok(Some(Called::Open) | None)) | None => break,
                Some(Err(_)) => queued.widen(patience),
            }
        }
        Decision::LoadAlone(Reason::NotShareable)
    }

    /// Asks for the lease once more: a value may have come, and one that is loaded under a lease can be
    /// stored.
    async fn ask_in_turn(&self, mut turn: Turn, budget: &mut Budget) -> Decision<O::Return> {
        turn.begins();
        let before = self.core.invalidator.before_reading();
        let Ok(Some(stamps)) = self.stamps(budget).await else { return Decision::InTurn(turn) };
        match self.acquire(Intent::Read, LeaseId::NONE, &stamps, budget).await {
            Ok(Asked::Granted(leader, over_seen)) => {
                let granted = Granted::new(leader, stamps, over_seen, true);
                Decision::Load(Granted { turn: Some(Box::new(turn)), ..granted })
            }
            Ok(Asked::Hit(record)) => {
                let (record, known) = (Arc::new(record), Arc::new(Known { before, stamps }));
                match self.read_shared(&record, &known, budget).await {
                    Some(returned) => {
                        turn.shares(|| Told::Hit(Arc::clone(&record), Arc::clone(&known)));
                        Decision::Answer(returned)
                    }
                    None => Decision::InTurn(turn),
                }
            }
            Ok(Asked::Held(..) | Asked::NoStore) => Decision::InTurn(turn),
            Err(error) => {
                self.failed(&error);
                Decision::InTurn(turn)
            }
        }
    }

    /// Loads without storing. What comes of it is for those who wait for their turn.
    pub(super) async fn load_in_turn<B>(
        &self,
        turn: Turn,
        budget: &mut Budget,
        body: B,
    ) -> O::Return
    where
        B: Body<O>,
        B::Running: Future<Output = O::Return> + Unpin,
    {
        let load = load::body(self.counters, body.begin(None));
        let returned = current::in_turn(self.key, load).await;
        if !codec::is_error(self.outcome, &returned) {
            match self.encoded(&returned) {
                Ok(Some(encoding)) => share(&turn, encoding.record),
                Ok(None) | Err(_) => turn.opens(),
            }
        }
        drop(turn);
        self.or_fallback(returned, budget).await
    }
}

/// Answers those who have waited since before the load began.
pub(super) fn share(turn: &Turn, record: Vec<u8>) {
    let record = Arc::new(record);
    turn.shares(|| Told::Loaded(Arc::clone(&record)));
}
