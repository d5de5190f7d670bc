//! Running the body, and storing what came of it.

use std::panic::resume_unwind;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::behind::{Body, Load};
use super::turn::{self, Turn};
use super::{Attempt, Granted, Reason};
use crate::broken::Rule;
use crate::budget::{Budget, by, timed};
use crate::cache::{Filling, Storing};
use crate::codec::{self, Encoding, Unfaithful};
use crate::current;
use crate::error::{Error, ErrorKind};
use crate::flight::Leader;
use crate::freshness::WINDOW_SHARE;
use crate::group::Group;
use crate::invalidation::Target;
use crate::lease::{Filled, LeaseId, Life};
use crate::loss::Loss;
use crate::outcome::{Outcome, Storable};
use crate::panics::catch_panic;
use crate::previous::Stored;
use crate::stats::Counters;

/// After a failed load, nobody tries again for this share of the time for which the last good value
/// can stand in, at most.
const THROTTLE_SHARE: u32 = 4;

/// What came of a load.
enum Loaded {
    /// To be stored.
    New(Encoding, Life),
    /// What is there stays, and gets a new life; with it the groups that it names itself.
    Same(Life, Vec<Group>),
    /// Nothing to store.
    Nothing,
    /// The body failed.
    Failed,
}

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    /// Loads without storing. While the store is away, as many at a time as the user allows.
    pub(super) async fn load_alone<B>(
        &self,
        reason: Reason,
        budget: &mut Budget,
        body: B,
    ) -> O::Return
    where
        B: Body<O>,
        B::Running: Future<Output = O::Return> + Unpin,
    {
        if reason == Reason::NotShareable
            && let Some(returned) = self.throttled(budget).await
        {
            return returned;
        }
        let place = match reason {
            Reason::StoreFailed => self.place().await,
            Reason::NotShareable => None,
        };
        let load = self::body(self.counters, body.begin(None));
        let returned = match place {
            Some(_held) => current::with_place(load).await,
            None => load.await,
        };
        self.or_fallback(returned, budget).await
    }

    /// A place among the loads that the user allows while the store is away. Without one, if it takes as
    /// long as others wait for any load: then a load that has one waits for this one, perhaps.
    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        if current::has_place() {
            return None;
        }
        let bound = &self.core.loads_while_down;
        let place = bound.acquire();
        // Never closed, so there is always one in the end.
        match by(self.patience_from(Instant::now()), place) {
            Some(place) => timed(pin!(place)).await?.ok()?.ok(),
            None => bound.acquire().await.ok(),
        }
    }

    /// Loads, keeping the lease alive, and stores what came of it.
    pub(super) async fn load_and_store<B>(
        &self,
        granted: Granted,
        previous: Option<Vec<u8>>,
        soft: Option<Instant>,
        budget: &mut Budget,
        body: B,
    ) -> O::Return
    where
        B: Body<O>,
        B::Running: Future<Output = O::Return> + Unpin,
    {
        let previous = previous.map(|record| self.stored(record));
        let running = body.begin(previous.clone());
        let mut load = Load { running, granted, began: Instant::now(), previous };
        let in_time = match soft {
            Some(soft) => {
                let soft = pin!(sleep_until(soft));
                tokio::select! {
                    biased;
                    returned = self.drive(&mut load) => Some(returned),
                    _ = timed(soft) => None,
                }
            }
            None => None,
        };
        let returned = match in_time {
            Some(returned) => returned,
            None => {
                if soft.is_some()
                    && let Some(fallback) = self.fallback(budget).await
                {
                    match B::go_on(self, load) {
                        Ok(()) => return fallback,
                        Err(waited_for) => load = *waited_for,
                    }
                }
                self.drive(&mut load).await
            }
        };
        let loaded = self.loaded(&returned, &load.granted, load.previous.as_deref());
        let took = load.began.elapsed();
        // Of what is left of the budget, the answer comes first: a lease can be given up behind it.
        let returned = self.or_fallback(returned, budget).await;
        self.conclude(loaded, load.granted, took, budget).await;
        returned
    }

    /// Loads and stores, with nobody waiting. Where somebody waits it is for them to give up; here a body
    /// that hangs would keep its place for ever, so it is dropped after `load_timeout`. One that panics
    /// has failed like one that returns an error: nobody tries again at once.
    pub(super) async fn finish<R>(&self, mut load: Load<R>)
    where
        R: Future<Output = O::Return> + Unpin,
    {
        let patience = self.patience_from(load.began);
        let driving = timeout_at(patience, catch_panic(Box::pin(self.drive(&mut load))));
        let (loaded, panic) = match driving.await {
            // Not held across an await: it need not be `Send`.
            Ok(Ok(returned)) => {
                (self.loaded(&returned, &load.granted, load.previous.as_deref()), None)
            }
            Ok(Err(panic)) => (Loaded::Failed, Some(panic)),
            Err(_) => (Loaded::Failed, None),
        };
        if matches!(loaded, Loaded::Failed) {
            self.counters.reload_failed();
        }
        let took = load.began.elapsed();
        self.conclude(loaded, load.granted, took, &mut self.core.budget()).await;
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Runs a load to its end, keeping its lease alive.
    async fn drive<R>(&self, load: &mut Load<R>) -> O::Return
    where
        R: Future<Output = O::Return> + Unpin,
    {
        let lease = load.granted.leader.lease();
        let keep = pin!(self.keep(lease, load.began));
        let returned = tokio::select! {
            biased;
            returned = current::leading(lease, &mut load.running) => returned,
            Some(never) = timed(keep) => match never {},
        };
        self.counters.loaded(load.began.elapsed());
        returned
    }

    /// Renews a lease until the load has had its time; then others may load for themselves.
    async fn keep(&self, lease: LeaseId, began: Instant) -> std::convert::Infallible {
        let life = self.lease();
        let deadline = self.patience_from(began);
        while Instant::now() + life / 3 < deadline {
            tokio::time::sleep(life / 3).await;
            let renewed = self
                .core
                .budget()
                .run(&*self.core.store, self.core.store.renew(self.key, lease, life))
                .await;
            if let Ok(false) = renewed {
                break;
            }
        }
        std::future::pending().await
    }

    /// What to store, if anything.
    fn loaded(&self, returned: &O::Return, granted: &Granted, previous: Option<&Stored>) -> Loaded {
        if codec::is_error(self.outcome, returned) {
            return Loaded::Failed;
        }
        match self.encoded(returned) {
            Ok(Some(encoding)) => {
                let life = self.core.life(self.policy, &encoding);
                let is_kept = |stored: &&Stored| stored.is_kept_as(&encoding.record);
                match previous.filter(is_kept) {
                    Some(stored) if granted.over_seen => {
                        let known: Vec<_> = self.groups.of_value().collect();
                        let tags = stored.groups().filter(|group| !known.contains(group));
                        Loaded::Same(life, tags.collect())
                    }
                    _ => Loaded::New(encoding, life),
                }
            }
            Ok(None) => Loaded::Nothing,
            Err(error) => {
                if error.kind() == ErrorKind::TooLarge {
                    self.counters.too_large.increment();
                }
                self.counters.error(&error);
                Loaded::Nothing
            }
        }
    }

    /// What others may be given of a value, in the store or at once; `None` if nothing.
    pub(super) fn encoded(&self, returned: &O::Return) -> Result<Option<Encoding>, Error> {
        let encoded = codec::encode(self.outcome, returned, self.schema)?;
        let encoded = self.core.admit(encoded, self.policy)?;
        Ok(encoded.filter(|encoding| self.is_faithful(returned, encoding)))
    }

    /// Whether what would be stored reads back as what was returned, as far as it is checked. Otherwise the
    /// function goes on without the cache.
    fn is_faithful(&self, returned: &O::Return, encoding: &Encoding) -> bool {
        let shapes = &self.counters.shapes;
        if !shapes.is_check_due() {
            return true;
        }
        let Err(Unfaithful { path }) = codec::check_faith(self.outcome, returned, encoding) else {
            return true;
        };
        shapes.give_up(self.schema);
        self.counters.unfaithful.increment();
        let name = std::any::type_name::<O::Value>();
        let advice = format!(
            "values of the type `{name}` are not cached in this process: what is written of them reads back as \
             something else ({path}). Serialize what you deserialize: look for `skip_serializing`, \
             `rename(serialize = ..)`, `untagged` and `skip_serializing_if` without `default`"
        );
        self.core.losses.report(Loss::Unfaithful, Some(self.counters.function()), &advice);
        false
    }

    /// Stores what was loaded, and ends the flight.
    async fn conclude(
        &self,
        loaded: Loaded,
        granted: Granted,
        took: Duration,
        budget: &mut Budget,
    ) {
        // Held until the end: whoever comes next is to find what is stored here.
        if let Some(turn) = &granted.turn {
            match &loaded {
                Loaded::New(encoding, _) => turn::share(turn, encoding.record.clone()),
                Loaded::Nothing => turn.opens(),
                Loaded::Same(..) | Loaded::Failed => {}
            }
        }
        match loaded {
            Loaded::New(encoding, life) => {
                let Granted { leader, stamps, turn, .. } = granted;
                let Self { key, groups, .. } = *self;
                let rule = Rule::Fence;
                let storing = Storing { key, groups, leader, stamps, encoding, life, took, rule };
                match self.core.sealed(storing, budget).await {
                    Ok(Some(filling)) => self.fill(filling, turn, *budget).await,
                    Ok(None) => count_stored(self.counters, Ok(None)),
                    Err(error) => count_stored(self.counters, Err(error)),
                }
            }
            Loaded::Same(life, tags) => {
                let Granted { leader, turn: _turn, .. } = granted;
                leader.seal();
                let store = &*self.core.store;
                if !tags.is_empty() {
                    // If it fails, the value ends earlier.
                    let _ = budget.run(store, store.stamp(&tags, life.whole)).await;
                }
                let kept = budget.run(store, store.keep(self.key, leader.lease(), life)).await;
                // There is no record at hand: who follows asks again, and finds it.
                if kept.is_ok() {
                    leader.lost()
                } else {
                    leader.unknown()
                }
                if matches!(kept, Ok(Filled::Stored)) {
                    self.counters.not_modified.increment();
                }
                count_stored(self.counters, kept.map(|kept| (kept == Filled::Stored).then_some(0)));
            }
            // The answer is another by now, although it is not kept: an older one is none any more.
            Loaded::Nothing if granted.replaces => self.remove(granted.leader, budget).await,
            Loaded::Nothing => {
                self.give_up(granted.leader, Leader::not_shareable, Duration::ZERO, budget).await;
            }
            Loaded::Failed => {
                self.give_up(granted.leader, Leader::failed, self.pause(), budget).await;
            }
        }
    }

    /// For how long nobody is to try again after a load has failed while a value is there.
    fn pause(&self) -> Duration {
        let window = match self.policy.beta() {
            Some(_) => self.policy.grace().max(self.policy.ttl / WINDOW_SHARE),
            None => self.policy.grace(),
        };
        (window / THROTTLE_SHARE).min(self.core.settings.failure_throttle)
    }

    async fn give_up(&self, leader: Leader, end: fn(Leader), pause: Duration, budget: &mut Budget) {
        let nonce = leader.lease().nonce();
        let store = &*self.core.store;
        let release = store.release(self.key, nonce, pause);
        let released = if pause.is_zero() {
            end(leader);
            budget.run(store, release).await
        } else {
            // Followers are to find the pause there, and the last good value with it.
            let released = budget.run(store, release).await;
            end(leader);
            released
        };
        if let Err(error) = released {
            self.failed(&error);
            self.core.release(self.key, pause)(nonce);
        }
    }

    /// Removes what is there, and the lease with it. What fails, or is cancelled, is retried.
    async fn remove(&self, leader: Leader, budget: &mut Budget) {
        leader.not_shareable();
        let invalidator = &self.core.invalidator;
        let target =
            Target { function: Some(self.counters.function()), ..Target::new(self.key.to_owned()) };
        if let Err(error) = invalidator.invalidate_within(target, budget).await {
            self.failed(&error);
        }
    }

    /// Sends FILL, and waits for it as long as the budget of the call lasts. Then it goes on in the
    /// background: an answer waits for no longer than that, and what has been loaded is stored all the
    /// same where a round trip takes half a budget.
    async fn fill(&self, filling: Filling, turn: Option<Box<Turn>>, budget: Budget) {
        let counters = self.core.stats.same(self.counters);
        let storing = self.core.background.storing();
        let mut filling = Box::pin(async move {
            let _storing = storing;
            // Until it is stored: whoever comes next is to find it.
            let _turn = turn;
            count_stored(&counters, filling.run().await);
        });
        let Some(in_time) = by(Instant::now() + budget.left(), &mut filling) else {
            return filling.await;
        };
        if let (Some(Err(_)), Ok(runtime)) = (timed(pin!(in_time)).await, Handle::try_current()) {
            runtime.spawn(filling);
        }
    }

    /// The last good value in place of an error.
    pub(super) async fn or_fallback(&self, returned: O::Return, budget: &mut Budget) -> O::Return {
        if !codec::is_error(self.outcome, &returned) {
            return returned;
        }
        match self.fallback(budget).await {
            Some(fallback) => fallback,
            None => returned,
        }
    }

    pub(super) fn lease(&self) -> Duration {
        self.policy.lease_life(self.core.settings.max_ttl)
    }

    /// When waiting for a load, or renewing its lease, ends.
    pub(super) fn patience_from(&self, began: Instant) -> Instant {
        began + self.bounded(self.policy.load_timeout)
    }

    /// What can be added to a time without overflow.
    pub(super) fn bounded(&self, wait: Duration) -> Duration {
        wait.min(self.core.settings.max_ttl)
    }
}

/// Runs the body, and counts it.
pub(super) async fn body<F: Future>(counters: &Counters, body: F) -> F::Output {
    let started = Instant::now();
    let returned = body.await;
    counters.loaded(started.elapsed());
    returned
}

fn count_stored(counters: &Counters, stored: Result<Option<usize>, Error>) {
    counters.to_store();
    match stored {
        Ok(Some(bytes)) => {
            counters.stored.increment();
            counters.bytes_written.add(bytes as u64);
        }
        Ok(None) => counters.superseded.increment(),
        Err(error) => counters.error(&error),
    }
}
