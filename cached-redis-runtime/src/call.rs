//! What happens on a call: look up; on a miss, find out who may load ([`miss`]); load and store
//! ([`load`]).

mod load;
mod miss;

use std::pin::{Pin, pin};
use std::sync::Arc;

use crate::budget::Budget;
use crate::cache::Core;
use crate::codec::{self, Decoded};
use crate::current::{Handle, Mode, mode};
use crate::error::{Error, ErrorKind};
use crate::flight::Leader;
use crate::function::Function;
use crate::key::Key;
use crate::lease::Intent;
use crate::outcome::{Outcome, Storable};
use crate::policy::Policy;
use crate::record::Kind;
use crate::stats::Counters;

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
        let function = self.function;
        let counters =
            function.counters(core.id, || core.stats.of(function.prefix(), function.name()));
        let mode = mode();
        if self.policy.bypass || mode == Mode::Bypass {
            counters.bypasses.increment();
            return load::body(&counters, body).await;
        }
        let key = core.admits(&self.policy).and_then(|()| core.key(self.function, &self.key));
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                counters.error(&error);
                return load::body(&counters, body).await;
            }
        };
        let attempt = Attempt {
            core,
            counters: &counters,
            policy: &self.policy,
            key: &key,
            schema: self.function.schema(std::any::type_name::<O::Value>(), self.policy.version),
            outcome: &outcome,
        };
        attempt.run(mode, body).await
    }
}

/// Everything that stays the same while a call is answered.
struct Attempt<'a, O> {
    core: &'a Arc<Core>,
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
        if self.core.invalidator.is_outstanding(self.key) {
            // An invalidation of this entry has failed so far: what is there may be outdated.
            self.counters.misses.increment();
            return self.load_alone(Reason::NotShareable, body).await;
        }
        let mut budget = self.core.budget();
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
                self.counters.error(&error);
                Err(Intent::Replace)
            }
        }
    }

    fn failed(&self, error: &Error) -> Reason {
        self.counters.error(error);
        Reason::StoreFailed
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
