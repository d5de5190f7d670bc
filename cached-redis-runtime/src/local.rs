//! The local tier: copies of entries in the process, as decoded values.
//!
//! A copy is made of an entry that is read a second time ([`doorkeeper`]), under a watch that began before it was read
//! ([`watched`](crate::watched)). It answers for as long as
//!
//! - its watch stands: neither this process nor, as far as the server has said, anybody else has changed the entry;
//! - the server has been heard within the function's bound ([`heartbeat`]): a connection that is silent says nothing
//!   of changes;
//! - its stamps are the current generations of its groups, as they are known from the same connection;
//! - the fresh life of the entry lasts, and no early reload can be due.
//!
//! What no longer answers is read from the server, as it would be without this tier: so everything else (leases,
//! fences, stale values) is as it was.

mod doorkeeper;
mod heartbeat;

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use quick_cache::sync::Cache as Copies;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use crate::record::Record;
use crate::session::Sessions;
use crate::watched::{Begun, Keeper, Nanos, Watch, Watched, nanos};
use doorkeeper::Doorkeeper;
use heartbeat::Heartbeat;

/// What a copy takes beside its key and its value: the copy, its watch, and their places in two tables.
const OVERHEAD: usize = 320;

/// To begin with, the tables have room for copies of this size.
const USUAL_SIZE: u64 = 1024;

/// The copies of one cache.
pub(crate) struct Local {
    /// Of all functions that have no bound of their own.
    shared: Arc<Table>,
    /// Of those that have one, by their names and that bound.
    own: RwLock<HashMap<Owner, Arc<Table>>>,
    most_bytes: u64,
    watched: Arc<Watched>,
    doorkeeper: Doorkeeper,
    sessions: Sessions,
    heartbeat: Heartbeat,
    /// When a copy was last asked for, as exactly as the heartbeat needs it.
    used: AtomicU64,
    /// The shortest bound of all functions.
    bound: AtomicU64,
}

/// A function by its names, and what its copies may take.
pub(crate) type Owner = (&'static str, &'static str, u64);

/// The owner of copies that are bounded apart, if those of this function are.
pub(crate) fn owner(
    (prefix, name): (&'static str, &'static str),
    max_bytes: Option<u64>,
) -> Option<Owner> {
    max_bytes.map(|bytes| (prefix, name, bytes))
}

/// Copies that are bounded together.
struct Table(Copies<Box<[u8]>, Arc<LocalCopy>, Weights, DefaultHashBuilder, Evictions>);

/// A copy of an entry. `V` is `Option<T>`: an absence is none.
pub(crate) struct LocalCopy<V: ?Sized = dyn Any + Send + Sync> {
    watch: Arc<Watch>,
    schema: u64,
    /// Until when its value is fresh, and nobody is to reload it.
    until: Nanos,
    stamps: Box<[u8]>,
    /// The count of changes of generations for which its stamps are known to be current.
    current_at: AtomicU64,
    weight: u64,
    value: V,
}

impl LocalCopy {
    /// The value; `None` if it is of another type.
    pub(crate) fn value<V: Any>(&self) -> Option<&V> {
        self.value.downcast_ref()
    }
}

/// What is known of an entry that is about to be copied.
pub(crate) struct Original<'a> {
    pub(crate) record: &'a Record,
    /// For how long its value is fresh, and nobody is to reload it.
    pub(crate) fresh: Duration,
    /// When that was known.
    pub(crate) since: Nanos,
}

#[derive(Clone)]
struct Weights;

impl Weighter<Box<[u8]>, Arc<LocalCopy>> for Weights {
    fn weight(&self, _: &Box<[u8]>, copy: &Arc<LocalCopy>) -> u64 {
        copy.weight
    }
}

/// Gathers what is evicted, whose watches end when the table's lock is free again.
#[derive(Clone)]
struct Evictions;

impl Lifecycle<Box<[u8]>, Arc<LocalCopy>> for Evictions {
    type RequestState = Vec<Arc<LocalCopy>>;

    fn on_evict(&self, evicted: &mut Self::RequestState, _: Box<[u8]>, copy: Arc<LocalCopy>) {
        evicted.push(copy);
    }
}

impl Local {
    /// Of a store that can watch entries. `None` for a cache that is to keep no copies.
    pub(crate) fn new(sessions: &Sessions, most_bytes: u64) -> Option<Arc<Self>> {
        let watched = Arc::clone(sessions.store().watched()?);
        if most_bytes == 0 {
            return None;
        }
        Some(Self::over(sessions, watched, most_bytes))
    }

    /// Of what a store watches.
    fn over(sessions: &Sessions, watched: Arc<Watched>, most_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            shared: Table::new(most_bytes),
            own: RwLock::default(),
            most_bytes,
            watched,
            doorkeeper: Doorkeeper::default(),
            sessions: sessions.clone(),
            heartbeat: Heartbeat::default(),
            used: AtomicU64::new(0),
            bound: AtomicU64::new(Nanos::MAX),
        })
    }

    /// The table of a function.
    fn table(&self, owner: Option<Owner>) -> Arc<Table> {
        let Some(owner) = owner else { return Arc::clone(&self.shared) };
        let known = self.own.read().unwrap_or_else(PoisonError::into_inner).get(&owner).cloned();
        known.unwrap_or_else(|| {
            let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
            let new = || Table::new(owner.2.min(self.most_bytes));
            Arc::clone(own.entry(owner).or_insert_with(new))
        })
    }

    /// The copy under this key, if it counts.
    pub(crate) fn get(
        self: &Arc<Self>,
        owner: Option<Owner>,
        key: &[u8],
        schema: u64,
        bound: Duration,
    ) -> Option<Arc<LocalCopy>> {
        let copy = match owner {
            None => self.shared.0.get(key)?,
            Some(_) => self.table(owner).0.get(key)?,
        };
        let now = self.watched.now();
        self.used_at(now);
        // Before the watch and the stamps are looked at: a reply that is heard after them says nothing of them.
        let is_proved = self.watched.is_proved(now, bound);
        if !copy.watch.is_standing(self.watched.epoch()) || now >= copy.until {
            self.table(owner).over(key, &copy.watch);
            self.watched.end(&copy.watch);
            return None;
        }
        if !is_proved {
            self.listen(bound);
            return None;
        }
        (copy.schema == schema && self.is_current(&copy)).then_some(copy)
    }

    /// Whether the stamps of a copy are known to be current. Compared again when anything that is known has changed.
    fn is_current(&self, copy: &LocalCopy) -> bool {
        let count = self.watched.generations();
        if copy.current_at.load(Ordering::Relaxed) == count || copy.stamps.is_empty() {
            return true;
        }
        let is_current = self.sessions.store().knows_current(copy.watch.key(), &copy.stamps);
        if is_current == Some(true) {
            copy.current_at.store(count, Ordering::Relaxed);
        }
        is_current == Some(true)
    }

    /// Begins to watch an entry that is about to be read, if it was read before.
    pub(crate) fn begin(self: &Arc<Self>, key: &str, bound: Duration) -> Option<Begun> {
        let now = self.watched.now();
        self.used_at(now);
        let has_seen = self.doorkeeper.has_seen(key);
        if !self.watched.is_proved(now, bound) {
            self.listen(bound);
            return None;
        }
        if has_seen { self.watched.begin(key, bound) } else { None }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.watched.now()
    }

    /// Makes a copy of what was read under a watch, unless the entry has changed since.
    pub(crate) fn keep<V: Any + Send + Sync>(
        &self,
        begun: Begun,
        owner: Option<Owner>,
        key: &[u8],
        original: &Original<'_>,
        value: V,
    ) {
        let Original { record, fresh, since } = original;
        let table = self.table(owner);
        let keeper: Weak<dyn Keeper> = Arc::downgrade(&table) as _;
        let Some(watch) = begun.keep(keeper, key) else { return };
        let weight = OVERHEAD + key.len() + watch.key().len() + record.len();
        let copy: Arc<LocalCopy> = Arc::new(LocalCopy {
            watch: Arc::clone(&watch),
            schema: record.header().schema,
            until: since.saturating_add(nanos(*fresh)),
            stamps: record.stamps().into(),
            // Before any: they are compared at the first hit.
            current_at: AtomicU64::new(u64::MAX),
            weight: weight as u64,
            value,
        });
        let mut evicted = Vec::new();
        table.0.insert_with_lifecycle(key.into(), copy, &mut evicted);
        evicted.iter().for_each(|evicted| self.watched.end(&evicted.watch));
        // Whoever ended the watch before it was there could not remove it.
        if !watch.is_standing(self.watched.epoch()) {
            table.over(key, &watch);
            // A lost connection leaves it in its place.
            self.watched.end(&watch);
        }
    }

    /// How many copies there are, and what they weigh.
    pub(crate) fn size(&self) -> (u64, u64) {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        let tables = own.values().chain([&self.shared]);
        tables.fold((0, 0), |(copies, bytes), table| {
            (copies + table.0.len() as u64, bytes + table.0.weight())
        })
    }
}

impl Table {
    fn new(most_bytes: u64) -> Arc<Self> {
        let items = usize::try_from(most_bytes / USUAL_SIZE).unwrap_or(usize::MAX);
        let hasher = DefaultHashBuilder::default();
        Arc::new(Self(Copies::with(items, most_bytes, Weights, hasher, Evictions)))
    }
}

impl Keeper for Table {
    fn over(&self, copy: &[u8], watch: &Watch) {
        self.0.remove_if(copy, |found| std::ptr::eq(&*found.watch, watch));
    }
}

#[cfg(all(test, shuttle))]
mod schedules;
#[cfg(test)]
mod tests;
