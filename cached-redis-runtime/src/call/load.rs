//! Running the body, and storing what came of it.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::{Attempt, Reason};
use crate::budget::Budget;
use crate::cache::Core;
use crate::codec::{self, Encoded};
use crate::error::{Error, ErrorKind};
use crate::flight::Leader;
use crate::lease::{Filled, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::policy::{MIN_LIFE, Policy};
use crate::record::{HEADER, Kind};
use crate::stats::Counters;
use crate::store::{Operation, Store};

/// Life of a lease where the function does without waiting for others (`lock = false`): fencing
/// needs one all the same.
const UNLOCKED_LEASE: Duration = Duration::from_secs(10);

impl<O> Attempt<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    /// Loads without storing. While the store is away, as many at a time as the user allows.
    pub(super) async fn load_alone<F>(&self, reason: Reason, body: Pin<&mut F>) -> O::Return
    where
        F: Future<Output = O::Return>,
    {
        let _permit = match &self.core.loads_while_down {
            // Never closed, so there is always a permit in the end.
            Some(bound) if reason == Reason::StoreFailed => bound.acquire().await.ok(),
            _ => None,
        };
        self::body(self.counters, body).await
    }

    /// Loads, keeping the lease alive, and stores what came of it.
    pub(super) async fn load_and_store<F>(
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
            returned = self::body(self.counters, body) => returned,
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
                    self.core.release(self.key)(lease.nonce());
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
                self.counters.error(&error);
                None
            }
        }
    }

    async fn fill(&self, leader: Leader, record: Vec<u8>, kind: Kind, budget: &mut Budget) {
        let life = self.core.life(self.policy, kind);
        leader.seal();
        let store = &*self.core.store;
        let filled = budget.run(store, self.storing(store, &leader, &record, life)).await;
        match &filled {
            Ok(Filled::Stored) => {
                self.counters.stored.increment();
                self.counters.bytes_written.add(record.len() as u64);
            }
            Ok(Filled::Lost) => self.counters.superseded.increment(),
            Err(error) => self.counters.error(error),
        }
        leader.filled(&filled, record);
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

    pub(super) fn lease(&self) -> Duration {
        let lease = self.policy.lease.unwrap_or(UNLOCKED_LEASE);
        lease.clamp(MIN_LIFE, self.core.settings.max_ttl)
    }

    /// When waiting for a load, or renewing its lease, ends.
    pub(super) fn patience(&self) -> Instant {
        Instant::now() + self.policy.load_timeout.min(self.core.settings.max_ttl)
    }
}

/// Runs the body, and counts it.
pub(super) async fn body<F: Future>(counters: &Counters, body: Pin<&mut F>) -> F::Output {
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
