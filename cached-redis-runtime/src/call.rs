//! What happens on a call: look up ([`look_up`]); on a miss, find out who may load ([`miss`], where one
//! caller asks for all of a process: [`ask`]); load and store ([`load`]), or, where a load has failed,
//! take turns ([`turn`]). A value that is no longer fresh may be the answer while its reload runs
//! behind it ([`behind`]).

mod ask;
mod behind;
mod load;
mod look_up;
mod miss;
mod turn;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::Core;
use crate::current::{Handle, Mode, mode};
use crate::error::Error;
use crate::flight::Leader;
use crate::function::Function;
use crate::group::{Group, Groups, Stamps, TagText};
use crate::key::Key;
use crate::lease::{Intent, LeaseId};
use crate::outcome::{Outcome, Storable};
use crate::policy::Policy;
use crate::previous::Stored;
use crate::record::Header;
use crate::stats::Counters;
use behind::{Body, Here, Owned};
use look_up::Look;
use turn::Turn;

pub(crate) use ask::Lines;
pub(crate) use turn::Turns;

/// One call of a cached function, made by generated code; or, before it is known in which cache, its
/// entry.
#[derive(Debug)]
pub struct Call<C = Handle> {
    /// Which function.
    pub(crate) function: &'static Function,
    /// Which entry.
    pub(crate) key: Key,
    /// How it is cached.
    pub(crate) policy: Policy,
    /// Where.
    pub(crate) cache: C,
    /// Which groups its arguments put it in.
    pub(crate) tags: Vec<Group>,
}

impl<C> Call<C> {
    pub(crate) fn new(function: &'static Function, key: Key, policy: Policy, cache: C) -> Self {
        Self { function, key, policy, cache, tags: Vec::new() }
    }

    /// Puts the entry into groups. Without one of them there is no entry.
    #[must_use]
    pub fn tagged(mut self, tags: impl IntoIterator<Item = impl Into<TagText>>) -> Self {
        for tag in tags {
            match tag.into().text() {
                Ok(tag) => self.tags.push(Group::tag(tag)),
                Err(error) => self.key = Key::failed(error),
            }
        }
        self
    }

    /// What the entry is in. Once.
    pub(crate) fn take_groups<O: Outcome>(&mut self, outcome: &O) -> Groups {
        Groups {
            function: Some(self.function.group()),
            tags: std::mem::take(&mut self.tags),
            classes: outcome.classes(),
        }
    }
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
        self.answer(&outcome, Here(pin!(body))).await
    }

    /// As [`run`](Self::run), with a body that can outlive the call: `load` makes it, once at most.
    pub async fn run_behind<O, L, F>(self, outcome: O, load: L) -> O::Return
    where
        O: Outcome + Clone + Send + Sync + 'static,
        O::Value: Storable,
        L: FnOnce() -> F,
        F: Future<Output = O::Return> + Send + 'static,
    {
        self.answer(&outcome, Owned(load)).await
    }

    async fn answer<O, B>(mut self, outcome: &O, body: B) -> O::Return
    where
        O: Outcome,
        O::Value: Storable,
        B: Body<O>,
        B::Running: Future<Output = O::Return> + Unpin,
    {
        let groups = self.take_groups(outcome);
        let core = self.cache.core();
        let function = self.function;
        let counters =
            function.counters(core.id, || core.stats.of(function.prefix(), function.name()));
        let mode = mode();
        if !core.store.is_there() {
            return load::body(&counters, body.begin(None)).await;
        }
        if self.policy.bypass || mode == Mode::Bypass {
            counters.bypasses.increment();
            return load::body(&counters, body.begin(None)).await;
        }
        let key = core.admits(&self.policy).and_then(|()| core.key(self.function, &self.key));
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                counters.error(&error);
                return load::body(&counters, body.begin(None)).await;
            }
        };
        let type_name = std::any::type_name::<O::Value>();
        let schema = self.function.schema(type_name, self.policy.version, groups.classes);
        if counters.shapes.is_unfaithful(schema) {
            counters.unfaithful.increment();
            return load::body(&counters, body.begin(None)).await;
        }
        let attempt = Attempt {
            core,
            counters: &counters,
            policy: &self.policy,
            key: &key,
            schema,
            outcome,
            groups: &groups,
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
    groups: &'a Groups,
}

/// What a caller without a hit is to do.
enum Decision<R> {
    /// Return this.
    Answer(R),
    /// Load, and store under this lease.
    Load(Granted),
    /// Load, and store nothing: the cache failed, or nothing may be stored.
    LoadAlone(Reason),
    /// The same, as one of few at a time.
    InTurn(Turn),
}

/// The right to load and store.
struct Granted {
    leader: Leader,
    /// What the groups of the entry were at before the load.
    stamps: Stamps,
    /// The value that was seen is there, and stays until the new one is stored.
    over_seen: bool,
    /// A value may be there that is to be replaced.
    replaces: bool,
    /// Others wait for their turn, or for what comes of this load.
    turn: Option<Box<Turn>>,
}

impl Granted {
    fn new(leader: Leader, stamps: Stamps, over_seen: bool, replaces: bool) -> Self {
        Self { leader, stamps, over_seen, replaces, turn: None }
    }

    /// The right of another call. What its question has found is not known here: a load keeps no value
    /// then, and one may be there.
    fn taken_over(leader: Leader, stamps: Stamps) -> Self {
        Self::new(leader, stamps, false, true)
    }
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
    async fn run<B>(&self, mode: Mode, body: B) -> O::Return
    where
        B: Body<O>,
        B::Running: Future<Output = O::Return> + Unpin,
    {
        let mut budget = self.core.budget();
        if self.core.invalidator.is_outstanding(self.key, self.life_after_invalidation()) {
            // An invalidation of this entry has failed so far: what is there may be outdated.
            self.counters.misses.increment();
            return self.load_alone(Reason::NotShareable, &mut budget, body).await;
        }
        // Who asks for the newest does not want the last good one.
        let soft = match mode {
            Mode::Refresh => None,
            _ => self.policy.soft_timeout.map(|soft| Instant::now() + self.bounded(soft)),
        };
        let (intent, previous) = if mode == Mode::Refresh {
            (Intent::Refresh, None)
        } else {
            match self.look_up(&mut budget).await {
                Ok(Look::Answer(returned)) => return returned,
                Ok(Look::Reload(returned, found, previous)) => {
                    body.reload(self, found, previous);
                    return returned;
                }
                Ok(Look::Ask(intent, previous)) => {
                    self.counters.found_nothing(self.policy.ttl);
                    (intent, previous)
                }
                Ok(Look::Outstanding) => {
                    self.counters.misses.increment();
                    return self.load_alone(Reason::NotShareable, &mut budget, body).await;
                }
                Err(error) => {
                    self.counters.misses.increment();
                    let reason = self.failed(&error);
                    return self.load_alone(reason, &mut budget, body).await;
                }
            }
        };
        self.counters.misses.increment();
        let seen = previous.as_deref().and_then(Header::read).map(|header| header.lease);
        let seen = seen.unwrap_or(LeaseId::NONE);
        match self.decide(intent, seen, soft, &mut budget).await {
            Decision::Answer(returned) => returned,
            Decision::Load(granted) => {
                self.load_and_store(granted, previous, soft, &mut budget, body).await
            }
            Decision::LoadAlone(reason) => {
                self.counters.to_store();
                self.load_alone(reason, &mut budget, body).await
            }
            Decision::InTurn(turn) => self.load_in_turn(turn, &mut budget, body).await,
        }
    }

    fn life_after_invalidation(&self) -> Option<Duration> {
        self.policy.life_after_invalidation(self.core.settings.max_ttl)
    }

    /// The value that is there, for a body that can ask its source whether it has changed.
    fn stored(&self, record: Vec<u8>) -> Arc<Stored> {
        Stored::new(record, std::any::type_name::<O::Value>())
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
