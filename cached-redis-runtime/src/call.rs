//! What happens on a call: look up, decide, load, store.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::budget::Budget;
use crate::cache::Core;
use crate::codec::{self, Decoded, Encoded};
use crate::current::{Handle, Mode, mode};
use crate::entry::Entry;
use crate::error::{Error, ErrorKind};
use crate::flight::{Asking, Leader, Word};
use crate::function::Function;
use crate::key::Key;
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::policy::Policy;
use crate::record::{HEADER, Header, Kind, State};
use crate::stats::Counters;
use crate::store::{Operation, Store};

/// How often a caller starts over because an invalidation came between, before it loads for
/// itself without storing. Under a storm of invalidations nothing could be stored anyway.
const ROUNDS: usize = 4;

/// Life of a lease where the function does without waiting for others (`lock = false`): fencing
/// needs one all the same.
const UNLOCKED_LEASE: Duration = Duration::from_secs(10);

/// Redis counts lives in whole milliseconds.
pub(crate) const MIN_LIFE: Duration = Duration::from_millis(1);

/// Pauses of a caller that waits for a load in another process.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// One call of a cached function, made by generated code.
#[derive(Debug)]
pub struct Call {
    /// Which function.
    pub function: &'static Function,
    /// Which entry.
    pub key: Key,
    /// How it is cached.
    pub policy: Policy,
    /// Where.
    pub cache: Handle,
}

impl Call {
    /// Answers the call from the cache, or with `body`.
    pub async fn run<O, F>(self, outcome: O, body: F) -> O::Return
    where
        O: Outcome,
        O::Value: Storable,
        F: Future<Output = O::Return>,
    {
        // Pinned once and passed by reference: every function that took it by value would make the
        // caller's future larger by its size.
        let body = pin!(body);
        let core = self.cache.core();
        let counters = self.function.counters(core.id, || core.stats.of(self.function));
        let mode = mode();
        if self.policy.bypass || mode == Mode::Bypass {
            counters.bypasses.increment();
            return load(&counters, body).await;
        }
        let key = core.admits(&self.policy).and_then(|()| core.key(self.function, &self.key));
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                counters.error(self.function, &error);
                return load(&counters, body).await;
            }
        };
        let attempt = Attempt {
            core,
            function: self.function,
            counters: &counters,
            policy: &self.policy,
            key: &key,
            schema: self.function.schema(std::any::type_name::<O::Value>(), self.policy.version),
            outcome: &outcome,
        };
        attempt.run(mode, body).await
    }

    /// The entry that this call is about.
    pub fn entry<O>(self, outcome: O) -> Entry<O::Return>
    where
        O: Outcome + Send + Sync + 'static,
        O::Value: Storable,
    {
        Entry::new(self, outcome)
    }

    /// Removes the entry that this call is about.
    pub async fn invalidate(self) -> Result<(), Error> {
        let core = self.cache.core();
        let key = core.key(self.function, &self.key)?;
        core.invalidate(vec![key]).await
    }
}

/// Everything that stays the same while a call is answered.
struct Attempt<'a, O> {
    core: &'a Arc<Core>,
    function: &'static Function,
    counters: &'a Counters,
    policy: &'a Policy,
    key: &'a str,
    schema: u64,
    outcome: &'a O,
}

/// What a caller without a hit is to do.
enum Decision<R> {
    /// Return this.
    Answer(R),
    /// Load, and store under this lease.
    Load(Leader),
    /// Load, and store nothing: the cache failed, or nothing may be stored.
    LoadAlone(Reason),
}

/// Why a load is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// The store is away: such loads can be bounded.
    StoreFailed,
    /// The store is there, but this load cannot be shared or must not be stored.
    NotShareable,
}

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    async fn run<F>(&self, mode: Mode, body: Pin<&mut F>) -> O::Return
    where
        F: Future<Output = O::Return>,
    {
        let mut budget = Budget::new(self.core.settings.budget);
        let intent = if mode == Mode::Refresh {
            Intent::Refresh
        } else {
            match self.look_up(&mut budget).await {
                Ok(Ok(returned)) => return returned,
                Ok(Err(intent)) => intent,
                Err(error) => {
                    self.counters.misses.increment();
                    return self.load_alone(self.failed(&error), body).await;
                }
            }
        };
        self.counters.misses.increment();
        match self.decide(intent, &mut budget).await {
            Decision::Answer(returned) => returned,
            Decision::Load(leader) => self.load_and_store(leader, &mut budget, body).await,
            Decision::LoadAlone(reason) => self.load_alone(reason, body).await,
        }
    }

    /// The hit path: one GET. Otherwise what to ask the lease for.
    async fn look_up(&self, budget: &mut Budget) -> Result<Result<O::Return, Intent>, Error> {
        if self.core.retries.covers(self.key) {
            // An invalidation of this entry has failed so far: what is there may be outdated.
            return Err(Error::new(
                ErrorKind::Superseded,
                "an invalidation of this entry is still being retried",
            ));
        }
        let found = budget.run(&*self.core.store, self.core.store.get(self.key)).await?;
        Ok(found.map_or(Err(Intent::Read), |record| self.read(&record)))
    }

    /// A record as an answer, or what to ask the lease for.
    fn read(&self, record: &[u8]) -> Result<O::Return, Intent> {
        match codec::decode(self.outcome, record, self.schema) {
            Decoded::Hit(returned, kind) => {
                match kind {
                    Kind::Value => self.counters.hits.increment(),
                    Kind::Absence => self.counters.negative_hits.increment(),
                }
                self.counters.bytes_read.add(record.len() as u64);
                Ok(returned)
            }
            Decoded::Miss => Err(Intent::Read),
            Decoded::Unreadable => {
                let error = Error::new(ErrorKind::Decode, "an entry cannot be read");
                self.counters.error(self.function, &error);
                Err(Intent::Replace)
            }
        }
    }

    /// The miss path: ask who may load, and join, wait or lead accordingly.
    async fn decide(&self, mut intent: Intent, budget: &mut Budget) -> Decision<O::Return> {
        let patience = self.patience();
        let mut pause = Pause::default();
        let mut rounds = 0;
        let mut waited = false;
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
                if let Some(flight) = self.core.flights.join(&holder) {
                    match tokio::time::timeout_at(patience, flight).await {
                        Ok(Ok(Word::Stored(record))) => match self.read_shared(&record) {
                            Ok(returned) => {
                                self.counters.coalesced.increment();
                                return Decision::Answer(returned);
                            }
                            Err(_) => return Decision::LoadAlone(Reason::NotShareable),
                        },
                        Ok(Ok(Word::Lead(leader))) => return Decision::Load(leader),
                        Ok(Ok(Word::StartOver)) if rounds < ROUNDS => rounds += 1,
                        // Nothing to share, too many rounds, a leader that never spoke, or the
                        // end of our patience: run in parallel, not in line.
                        Ok(Ok(Word::LoadAlone | Word::StartOver) | Err(_)) | Err(_) => {
                            return Decision::LoadAlone(Reason::NotShareable);
                        }
                    }
                } else {
                    // Sealed or just ended: the entry is about to change.
                    pause.sleep(patience).await;
                }
            } else if self.policy.lease.is_none() {
                return Decision::LoadAlone(Reason::NotShareable);
            } else {
                if !waited {
                    waited = true;
                    self.counters.waits.increment();
                }
                match self.wait(&holder, patience, &mut pause).await {
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
        if let Acquired::Grant(lease) = acquired {
            return Ok(Asked::Granted(asking.granted(lease)));
        }
        asking.not_granted();
        Ok(match acquired {
            Acquired::Wait { holder } => Asked::Held(holder),
            Acquired::Hit(record) => Asked::Hit(record),
            Acquired::Grant(_) | Acquired::NoStore => Asked::NoStore,
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
        patience: Instant,
        pause: &mut Pause,
    ) -> Result<Option<O::Return>, Error> {
        while Instant::now() < patience {
            pause.sleep(patience).await;
            // A budget of its own: time spent waiting for a load is not time lost to the cache.
            let mut budget = Budget::new(self.core.settings.budget);
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

    fn lease(&self) -> Duration {
        let lease = self.policy.lease.unwrap_or(UNLOCKED_LEASE);
        lease.clamp(MIN_LIFE, self.core.settings.max_ttl)
    }

    /// When waiting for a load, or renewing its lease, ends.
    fn patience(&self) -> Instant {
        Instant::now() + self.policy.load_timeout.min(self.core.settings.max_ttl)
    }

    /// Loads without storing. While the store is away, as many at a time as the user allows.
    async fn load_alone<F>(&self, reason: Reason, body: Pin<&mut F>) -> O::Return
    where
        F: Future<Output = O::Return>,
    {
        let _permit = match &self.core.loads_while_down {
            // Never closed, so there is always a permit in the end.
            Some(bound) if reason == Reason::StoreFailed => bound.acquire().await.ok(),
            _ => None,
        };
        load(self.counters, body).await
    }

    /// Loads, keeping the lease alive, and stores what came of it.
    async fn load_and_store<F>(
        &self,
        leader: Leader,
        budget: &mut Budget,
        body: Pin<&mut F>,
    ) -> O::Return
    where
        F: Future<Output = O::Return>,
    {
        let returned = tokio::select! {
            biased;
            returned = load(self.counters, body) => returned,
            never = self.keep(leader.lease()) => match never {},
        };
        match self.record(&returned, &leader.lease()) {
            Some((record, kind)) => self.fill(leader, record, kind, budget).await,
            None => {
                let lease = leader.lease();
                leader.not_shareable();
                if let Err(error) = budget
                    .run(&*self.core.store, self.core.store.release(self.key, lease.nonce()))
                    .await
                {
                    self.failed(&error);
                }
            }
        }
        returned
    }

    /// Renews a lease until the load has had its time; then others may load for themselves.
    async fn keep(&self, lease: LeaseId) -> std::convert::Infallible {
        let life = self.lease();
        let deadline = self.patience();
        while Instant::now() + life / 3 < deadline {
            tokio::time::sleep(life / 3).await;
            let renewed = Budget::new(self.core.settings.budget)
                .run(&*self.core.store, self.core.store.renew(self.key, lease, life))
                .await;
            if let Ok(false) = renewed {
                break;
            }
        }
        std::future::pending().await
    }

    /// What to store, if anything.
    fn record(&self, returned: &O::Return, lease: &LeaseId) -> Option<(Vec<u8>, Kind)> {
        let encoded = codec::encode(self.outcome, returned, self.schema);
        match encoded.and_then(|encoded| self.core.admit(encoded, self.policy)) {
            Ok(Some((mut record, kind))) => {
                crate::record::sign(&mut record, lease);
                Some((record, kind))
            }
            Ok(None) => None,
            Err(error) => {
                if error.kind() == ErrorKind::TooLarge {
                    self.counters.too_large.increment();
                }
                self.counters.error(self.function, &error);
                None
            }
        }
    }

    async fn fill(&self, leader: Leader, record: Vec<u8>, kind: Kind, budget: &mut Budget) {
        let life = self.core.life(self.policy, kind);
        leader.seal();
        let store = &*self.core.store;
        let filled = budget.run(store, self.storing(store, &leader, &record, life)).await;
        match filled {
            Ok(Filled::Stored) => {
                self.counters.stored.increment();
                self.counters.bytes_written.add(record.len() as u64);
                leader.stored(record);
            }
            Ok(Filled::Lost) => {
                self.counters.superseded.increment();
                leader.lost();
            }
            Err(error) => {
                self.failed(&error);
                leader.lost();
            }
        }
    }

    fn storing<'a>(
        &'a self,
        store: &'a dyn Store,
        leader: &Leader,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled> {
        #[cfg(feature = "unfenced-for-tests")]
        if self.core.is_unfenced() {
            return store.overwrite(self.key, record, life);
        }
        store.fill(self.key, leader.lease(), record, life)
    }

    fn failed(&self, error: &Error) -> Reason {
        self.counters.error(self.function, error);
        Reason::StoreFailed
    }
}

/// The answer to a question for the lease.
enum Asked {
    Granted(Leader),
    Held(LeaseId),
    Hit(Vec<u8>),
    NoStore,
}

/// Jittered back-off of somebody who waits for an entry to change.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    async fn sleep(&mut self, deadline: Instant) {
        let pause = self.0.mul_f64(fastrand::f64().mul_add(0.5, 0.75));
        self.0 = self.0.mul_f64(1.5).min(LONGEST_PAUSE);
        tokio::time::sleep_until((Instant::now() + pause).min(deadline)).await;
    }
}

async fn load<F: Future>(counters: &Counters, body: Pin<&mut F>) -> F::Output {
    let started = Instant::now();
    let returned = body.await;
    counters.loaded(started.elapsed());
    returned
}

impl Core {
    /// What may be stored of an encoded value under a policy.
    pub(crate) fn admit(
        &self,
        encoded: Encoded,
        policy: &Policy,
    ) -> Result<Option<(Vec<u8>, Kind)>, Error> {
        let Encoded::Record(record, kind) = encoded else { return Ok(None) };
        if kind == Kind::Absence && policy.negative_ttl.is_zero() {
            return Ok(None);
        }
        if record.len() - HEADER > self.settings.max_value {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the value is larger than the cache takes",
            ));
        }
        Ok(Some((record, kind)))
    }

    /// How long a record lives: shortened at random, so that entries made together do not expire
    /// together.
    pub(crate) fn life(&self, policy: &Policy, kind: Kind) -> Duration {
        let ttl = match kind {
            Kind::Value => policy.ttl,
            Kind::Absence => policy.negative_ttl,
        };
        let jitter = if policy.jitter.is_finite() { policy.jitter.clamp(0.0, 1.0) } else { 0.0 };
        let share = jitter * fastrand::f64();
        ttl.min(self.settings.max_ttl).mul_f64(1.0 - share).max(MIN_LIFE)
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
