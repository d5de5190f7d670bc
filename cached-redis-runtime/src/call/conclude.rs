//! What came of a load, without its types: it is shared, stored, or given up.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::attempt::{Attempt, Phase};
use super::load_queue;
use super::loaded::{Beside, Load, Loaded};
use super::permit::{Granted, Permit};
use super::slot::Slot;
use crate::background::finish_within;
use crate::budget::timed;
use crate::error::{Error, ErrorKind};
use crate::fill::{Filling, Lease, Written};
use crate::flight::Leader;
use crate::freshness::WINDOW_SHARE;
use crate::invalidation::Target;
use crate::lease::LeaseId;
use crate::loss::Loss;
use crate::payload::{Assessed, Encoding, Gate, Unfaithful};
use crate::renewal::keep_alive;
use crate::session::Session;
use crate::sharing::Turn;
use crate::stats::Counters;

/// After a failed load, nobody tries again for this share of the time for which the last good value
/// can stand in, at most.
const THROTTLE_SHARE: u32 = 4;

impl Attempt {
    /// While the body runs, its lease is kept alive, until `deadline`.
    pub(super) fn runs_until(&mut self, deadline: Option<Instant>) {
        self.load.beside = self.beside(deadline);
    }

    /// What goes on beside the body. Ends at the deadline, or never.
    pub(super) fn poll_beside(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.load.beside {
            Some(beside) => beside.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    /// The body has ended.
    pub(super) fn has_run(&mut self) {
        let Load { beside, took, began, .. } = &mut self.load;
        *beside = None;
        *took = began.elapsed();
        self.slot.counters.loaded(*took);
    }

    fn beside(&self, deadline: Option<Instant>) -> Option<Beside> {
        let lease = match &self.load.permit {
            Permit::Lease(granted) => Some(granted.lease.id()),
            Permit::Alone(_) | Permit::InTurn(_) => None,
        };
        if lease.is_none() && deadline.is_none() {
            return None;
        }
        let kept = lease.map(|lease| self.slot.keep_alive(lease, self.load.began));
        Some(Box::pin(async move {
            let kept = pin!(async {
                if let Some(kept) = kept {
                    // A runtime without timers keeps none alive.
                    timed(pin!(kept)).await;
                }
                std::future::pending::<()>().await;
            });
            match deadline {
                None => kept.await,
                Some(deadline) => {
                    let deadline = pin!(async { sleep_until(deadline).await });
                    tokio::select! {
                        () = kept => {}
                        _ = timed(deadline) => {}
                    }
                }
            }
        }))
    }

    /// What decides whether a load is stored; `None` if it is not.
    pub(super) fn gate(&self) -> Option<&dyn Gate> {
        match self.load.permit {
            Permit::Alone(_) => None,
            Permit::Lease(_) | Permit::InTurn(_) => Some(&self.slot),
        }
    }

    /// What is to be stored of a load. Those who wait for a turn are answered at once, and a place is free again.
    pub(super) fn settled(&mut self, assessed: Assessed) {
        let Assessed { is_error, mut encoded, faith } = assessed;
        if let Err(unfaithful) = faith {
            self.slot.give_up(&unfaithful);
            encoded = Ok(None);
        }
        let unstored = if is_error { Loaded::Failed } else { Loaded::Nothing };
        self.load.loaded = match std::mem::replace(&mut self.load.permit, Permit::Alone(None)) {
            Permit::Lease(granted) => {
                let loaded = if is_error { unstored } else { self.loaded(encoded, &granted) };
                self.load.permit = Permit::Lease(granted);
                loaded
            }
            Permit::Alone(_) => unstored,
            Permit::InTurn(turn) => {
                match encoded.and_then(|encoding| self.slot.sealed(encoding)) {
                    _ if is_error => {}
                    Ok(Some(encoding)) => load_queue::share(&turn, &encoding.record),
                    Ok(None) | Err(_) => turn.opens(),
                }
                unstored
            }
        };
    }

    fn loaded(&self, encoded: Result<Option<Encoding>, Error>, granted: &Granted) -> Loaded {
        let slot = &self.slot;
        if granted.over_seen
            && let Ok(Some(encoding)) = &encoded
            && let Some(stored) = self.load.previous()
            && stored.is_kept_as(&encoding.record)
        {
            let life = slot.entry().life(encoding);
            let known: Vec<_> = slot.groups.of_value().collect();
            let tags = stored.groups().filter(|group| !known.contains(group));
            return Loaded::Same(life, tags.collect());
        }
        match encoded.and_then(|encoding| slot.sealed(encoding)) {
            Ok(Some(encoding)) => Loaded::New(encoding),
            Ok(None) => Loaded::Nothing,
            Err(error) => {
                if error.kind() == ErrorKind::TooLarge {
                    slot.counters.too_large.increment();
                }
                slot.counters.error(&error);
                Loaded::Nothing
            }
        }
    }

    /// The body has ended, and what came of it is settled. Whether the last good value is to stand in for it.
    pub(super) fn ends(&mut self) -> Phase<'_, bool> {
        Box::pin(async move {
            let has_failed = matches!(self.load.loaded, Loaded::Failed);
            // Of what is left of the budget, the answer comes first: a lease can be given up after it.
            let has_fallback = has_failed && self.find_fallback().await;
            self.conclude().await;
            has_fallback
        })
    }

    /// Stores what was loaded under a lease, and ends the flight.
    pub(super) fn conclude(&mut self) -> Phase<'_, ()> {
        Box::pin(async move {
            let Permit::Lease(granted) =
                std::mem::replace(&mut self.load.permit, Permit::Alone(None))
            else {
                return;
            };
            let loaded = std::mem::replace(&mut self.load.loaded, Loaded::Nothing);
            let took = self.load.took;
            let mut session = self.slot.session(&mut self.budget);
            self.slot.conclude(loaded, granted, took, &mut session).await;
        })
    }

    /// The same for a load that no caller waits for.
    pub(super) fn conclude_in_background(&mut self) -> Phase<'_, ()> {
        if matches!(self.load.loaded, Loaded::Failed) {
            self.slot.counters.reload_failed();
        }
        self.budget = self.slot.core().sessions.budget();
        self.conclude()
    }
}

impl Slot {
    /// Renews a lease until the load has had its time; then others may load for themselves.
    fn keep_alive(
        &self,
        lease: LeaseId,
        began: Instant,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (renewal, deadline) = (self.entry().renewal(lease), self.patience_from(began));
        async move { keep_alive(std::slice::from_ref(&renewal), Some(deadline)).await }
    }

    pub(crate) fn sealed(&self, encoding: Option<Encoding>) -> Result<Option<Encoding>, Error> {
        encoding.map(|encoding| self.entry().seal(encoding)).transpose()
    }

    /// The function goes on without the cache: what would be stored does not read back as what was returned.
    pub(crate) fn give_up(&self, unfaithful: &Unfaithful) {
        let counters = &self.counters;
        counters.shapes.give_up(self.schema);
        counters.unfaithful.increment();
        let advice = format!(
            "values of the type `{}` are not cached in this process: what is written of them reads back as \
             something else ({}). Serialize what you deserialize: look for `skip_serializing`, \
             `rename(serialize = ..)`, `untagged` and `skip_serializing_if` without `default`",
            self.type_name, unfaithful.path,
        );
        self.core().losses.report(Loss::Unfaithful, Some(counters.function()), &advice);
    }

    async fn conclude(
        &self,
        loaded: Loaded,
        granted: Granted,
        took: Duration,
        session: &mut Session<'_>,
    ) {
        // Held until the end: whoever comes next is to find what is stored here.
        if let Some(turn) = &granted.turn {
            match &loaded {
                Loaded::New(encoding) => load_queue::share(turn, &encoding.record),
                Loaded::Nothing => turn.opens(),
                Loaded::Same(..) | Loaded::Failed => {}
            }
        }
        let Granted { lease, turn, replaces, .. } = granted;
        let filling = match loaded {
            Loaded::New(encoding) => self.entry().fill(lease, encoding, took, session).await,
            Loaded::Same(life, tags) => Ok(Some(self.entry().keep(lease, life, tags))),
            // The answer is another by now, although it is not kept: an older one is none any more.
            Loaded::Nothing if replaces => return self.remove(lease.leader, session).await,
            Loaded::Nothing => {
                return self.release(lease, Leader::not_shareable, Duration::ZERO, session).await;
            }
            Loaded::Failed => {
                return self.release(lease, Leader::failed, self.pause(), session).await;
            }
        };
        match filling {
            Ok(Some(filling)) => self.store(filling, turn, session.time_left()).await,
            Ok(None) => count_stored(&self.counters, Ok(None)),
            Err(error) => count_stored(&self.counters, Err(error)),
        }
    }

    /// For how long nobody is to try again after a load has failed while a value is there.
    pub(crate) fn pause(&self) -> Duration {
        let window = match self.policy.beta() {
            Some(_) => self.policy.grace().max(self.policy.ttl / WINDOW_SHARE),
            None => self.policy.grace(),
        };
        (window / THROTTLE_SHARE).min(self.core().settings.failure_throttle)
    }

    async fn release(
        &self,
        lease: Lease,
        end: fn(Leader),
        pause: Duration,
        session: &mut Session<'_>,
    ) {
        if let Err(error) = self.entry().release(lease.leader, end, pause, session).await {
            self.failed(&error);
        }
    }

    /// What a removal of the entry removes.
    pub(crate) fn target(&self) -> Target {
        Target { function: Some(self.counters.function()), ..Target::new(self.key.clone()) }
    }

    /// Removes the entry, and the lease with it. A removal that fails or is cancelled is retried.
    async fn remove(&self, leader: Leader, session: &mut Session<'_>) {
        leader.not_shareable();
        let invalidator = &self.core().invalidator;
        if let Err(error) = invalidator.invalidate_within(self.target(), session).await {
            self.failed(&error);
        }
    }

    /// Sends FILL or KEEP, and waits for it as long as the budget of the call lasts, which is `patience`. Then it
    /// goes on in the background: an answer waits for no longer than that, and what has been loaded is stored all
    /// the same where a round trip takes half a budget.
    async fn store(&self, filling: Filling, turn: Option<Box<Turn>>, patience: Duration) {
        let counters = self.core().stats.same(&self.counters);
        let storing = self.core().background.storing();
        let stored = Box::pin(async move {
            let _storing = storing;
            // Until it is stored: whoever comes next is to find it.
            let _turn = turn;
            count_stored(&counters, filling.run().await);
        });
        finish_within(patience, stored).await;
    }
}

impl Gate for Slot {
    fn admit(&self, encoding: Encoding) -> Result<Option<Encoding>, Error> {
        self.entry().admit(encoding)
    }

    fn is_check_due(&self) -> bool {
        self.counters.shapes.is_check_due()
    }
}

pub(crate) fn count_stored(counters: &Counters, stored: Result<Option<Written>, Error>) {
    counters.to_store();
    match stored {
        Ok(Some(written)) => {
            counters.stored.increment();
            match written {
                Written::New(bytes) => counters.bytes_written.add(bytes as u64),
                Written::Same => counters.not_modified.increment(),
            }
        }
        Ok(None) => counters.superseded.increment(),
        Err(error) => counters.error(&error),
    }
}
