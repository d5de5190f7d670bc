//! Many entries of a function, answered by one call.
//!
//! The frame, which is compiled for each batch function, is here, in [`returned`] and in [`member`]: it decodes records,
//! runs the body and takes apart what that returns. Everything else is compiled once, in [`progress`]: entries are read
//! in one round trip; those that are missing are asked for in another ([`ask`]); what is granted is loaded by one run of
//! the body, and stored in a third ([`store`]). Only then does the batch wait for loads of others ([`wait`]), so that
//! two batches never wait for each other. Where such a load has failed, it takes turns with others ([`turns`]). Stale
//! values are reloaded in the background ([`reload`]).

mod answer;
mod ask;
mod keys;
mod load;
#[cfg(feature = "local")]
mod local;
mod look_up;
mod member;
mod progress;
mod reload;
mod returned;
mod store;
mod turns;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use keys::{Again, Argument, Keys, again, argument, keys, owned_keys};
pub use member::MemberOf;
pub use returned::{
    BatchReturn, ByKey, ByReturn, KeyFor, List, Shape, Taken, by_key, by_return, member_outcome,
};

use crate::call::slot::Slot;
use crate::entry::{Entry, Meaning, Member};
use crate::error::Error;
use crate::function::CountersOf;
use crate::loading::{Context, Loading};
use crate::scope::{self, Mode};
use progress::{Kind, Progress};

/// How many ids the body gets at a time, unless the function says otherwise.
const MAX_BATCH: usize = 1_000;

/// One call of a batch function, made by generated code.
pub struct Batch<K, R, S> {
    /// As they were given.
    ids: Vec<K>,
    /// One for each of them.
    entries: Vec<Entry<R>>,
    shape: S,
    max_batch: usize,
    bypass: bool,
    ttl: Option<Duration>,
    stale: Option<Duration>,
}

impl<K, R, S> std::fmt::Debug for Batch<K, R, S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Batch").field("ids", &self.ids.len()).finish_non_exhaustive()
    }
}

/// The batch of these ids; `entry` makes the entry of each.
pub fn batch<K, R, S>(ids: Vec<K>, shape: S, entry: impl Fn(&S, &K) -> Entry<R>) -> Batch<K, R, S> {
    let entries = ids.iter().map(|id| entry(&shape, id)).collect();
    let (bypass, ttl, stale) = (false, None, None);
    Batch { ids, entries, shape, max_batch: MAX_BATCH, bypass, ttl, stale }
}

/// The distinct ids of a batch, and what their entries mean.
struct Members<K, R> {
    ids: Vec<K>,
    meanings: Vec<Box<dyn Meaning<R>>>,
}

/// A batch that goes through the cache.
struct Located<K, R> {
    progress: Box<Progress>,
    members: Members<K, R>,
    /// For each id as it was given, which of the distinct ones it is.
    order: Vec<usize>,
}

impl<K: Clone, R, S> Batch<K, R, S> {
    /// How many ids the body gets at a time.
    #[must_use]
    pub fn max_batch(self, max_batch: usize) -> Self {
        Self { max_batch: max_batch.max(1), ..self }
    }

    /// Whether the call neither reads nor writes.
    #[must_use]
    pub fn bypass(self, bypass: bool) -> Self {
        Self { bypass, ..self }
    }

    /// Another fresh life than that of the function whose entries these are.
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// Another time for which values are served beyond their fresh life.
    #[must_use]
    pub fn stale(self, stale: Duration) -> Self {
        Self { stale: Some(stale), ..self }
    }

    /// Answers from the cache, and with loads of what is missing there.
    pub async fn run<Ret, L, F>(self, load: L) -> Ret
    where
        S: Shape<K, Return = Ret>,
        S::Value: MemberOf<R>,
        L: Fn(Vec<K>) -> F,
        F: Future<Output = Ret>,
    {
        // Boxed, so that no caller's future has room for it.
        Box::pin(self.answer(&load, false)).await.0
    }

    /// As [`run`](Self::run), with a body that can outlive the call. `make` makes it, when something is to be loaded.
    pub async fn run_detachable<Ret, M, L, F>(self, make: M) -> Ret
    where
        M: FnOnce() -> L + Send,
        K: Send + Sync + 'static,
        R: 'static,
        Ret: Send,
        S: Shape<K, Return = Ret> + Clone + Send + Sync + 'static,
        S::Value: MemberOf<R> + Send,
        L: Fn(Vec<K>) -> F + Send + Sync + 'static,
        F: Future<Output = Ret> + Send + 'static,
    {
        let shape = self.shape.clone();
        let load = LazyLoad::new(make);
        let body = |ids| load.get()(ids);
        let (answer, due) = Box::pin(self.answer(&body, true)).await;
        if let Some(due) = due {
            due.reload(shape, load.into_inner());
        }
        answer
    }

    /// The batch in its cache, if it goes through one: otherwise the body just runs.
    fn locate(&mut self, detachable: bool) -> Result<Located<K, R>, Uncached> {
        let entries = std::mem::take(&mut self.entries);
        let uncached = |counters: CountersOf<'static>, error: Option<Error>| {
            match error {
                Some(error) => counters.error(&error),
                None => counters.bypasses.increment(),
            }
            Uncached(Some(counters))
        };
        let Some(first) = entries.first() else { return Err(Uncached(None)) };
        let counters = first.counters();
        let mode = scope::mode();
        if self.bypass || mode == Mode::Bypass {
            return Err(uncached(counters, None));
        }
        let mut distinct: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        let (mut slots, mut order) = (Vec::<Slot>::new(), Vec::with_capacity(entries.len()));
        let mut copy_keys = Vec::new();
        let mut members = Members { ids: Vec::new(), meanings: Vec::new() };
        for (entry, id) in entries.into_iter().zip(&self.ids) {
            let Member { mut slot, copy_key, meaning } = match entry.into_member() {
                Ok(member) => member,
                Err(error) => return Err(uncached(counters, Some(error))),
            };
            if let Some(known) = distinct.get(&slot.key) {
                order.push(*known);
                continue;
            }
            slot.policy.stale = self.stale.or(slot.policy.stale);
            if let Some(ttl) = self.ttl {
                slot.policy.ttl = ttl;
                // A longer one would have no effect, which is a mistake where it is written.
                slot.policy.local = slot.policy.local.map(|bound| bound.min(ttl));
            }
            order.push(slots.len());
            distinct.insert(slot.key.clone(), slots.len());
            slots.push(slot);
            copy_keys.push(copy_key);
            members.ids.push(id.clone());
            members.meanings.push(meaning);
        }
        if let Err(refused) = check(&slots) {
            return Err(match refused {
                Refused::NoStore => Uncached(Some(counters)),
                Refused::Error(error) => uncached(counters, Some(error)),
                Refused::Unfaithful => {
                    counters.unfaithful.increment();
                    Uncached(Some(counters))
                }
            });
        }
        let kind = if mode == Mode::Refresh { Kind::Refresh } else { Kind::Call { detachable } };
        let progress = Progress::new(slots, copy_keys, kind, self.max_batch);
        Ok(Located { progress, members, order })
    }
}

/// A body that is made when something is to be loaded, because that copies arguments.
struct LazyLoad<M, L> {
    make: Mutex<Option<M>>,
    made: OnceLock<L>,
}

impl<M: FnOnce() -> L, L> LazyLoad<M, L> {
    fn new(make: M) -> Self {
        Self { make: Mutex::new(Some(make)), made: OnceLock::new() }
    }

    #[expect(clippy::expect_used, reason = "it is taken once, where nothing is made yet")]
    fn get(&self) -> &L {
        self.made.get_or_init(|| {
            let make = self.make.lock().unwrap_or_else(PoisonError::into_inner).take();
            make.expect("made once")()
        })
    }

    fn into_inner(self) -> L {
        self.get();
        #[expect(clippy::expect_used, reason = "it has just been made")]
        self.made.into_inner().expect("made")
    }
}

/// The body just runs, and is counted here.
struct Uncached(Option<CountersOf<'static>>);

/// Why a batch does not go through the cache.
enum Refused {
    NoStore,
    Error(Error),
    Unfaithful,
}

/// Whether entries can go through the cache together.
fn check(slots: &[Slot]) -> Result<(), Refused> {
    let Some(first) = slots.first() else { return Ok(()) };
    if !first.core().has_store() {
        return Err(Refused::NoStore);
    }
    first.core().admits(&first.policy).map_err(Refused::Error)?;
    if first.counters.shapes.is_unfaithful(first.schema) {
        return Err(Refused::Unfaithful);
    }
    if slots.iter().any(|slot| !Arc::ptr_eq(slot.core(), first.core())) {
        return Err(Refused::Error(Error::config(
            "the entries of one batch are in several caches",
        )));
    }
    Ok(())
}

/// Runs a body that is not cached, and counts it.
async fn run_uncached<F: Future>(uncached: &Uncached, body: F) -> F::Output {
    let started = Instant::now();
    let returned = Loading::new(Arc::new(Context::inner()), body).await;
    if let Uncached(Some(counters)) = uncached {
        counters.loaded(started.elapsed());
    }
    returned
}

#[cfg(test)]
mod tests;
