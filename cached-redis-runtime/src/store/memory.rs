//! The in-process store: the same semantics as Redis, a clock that tests can move and faults that
//! tests can switch on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::group::{Generation, Group, Groups, Stamp, Stamps, stamps};
use crate::lease::{Acquire, Acquired, FenceId, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{self, Header, State};
use crate::store::{Found, Operation, Store};

/// A fault of the in-process store.
///
/// ```
/// use cached_redis_runtime::{Cache, Fault};
///
/// let cache = Cache::memory();
/// cache.memory_store().unwrap().set_fault(Some(Fault::Down));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every operation fails at once.
    Down,
    /// No operation ever ends.
    Hang,
    /// Every operation takes this long.
    Slow(Duration),
    /// Every operation is refused with an error of the server.
    Refuse,
    /// Operations that write are refused, as by a full or read-only server.
    RefuseWrites,
    /// Every operation is executed, but its answer never comes.
    LoseReplies,
}

/// The store behind [`Cache::memory`](crate::Cache::memory), for unit tests and examples.
///
/// It stands in for Redis where a test is about the code that uses the cache. It says nothing about
/// a real server.
#[derive(Debug)]
pub struct MemoryStore {
    /// Of the keys of generations.
    namespace: String,
    clock: Clock,
    contents: Mutex<Contents>,
    fault: Mutex<Option<Fault>>,
}

#[derive(Debug, Default)]
struct Contents {
    records: BTreeMap<String, Stored>,
    /// Apart, because nobody would call them entries.
    generations: BTreeMap<String, Generation>,
    fences: BTreeMap<String, Vec<Fence>>,
}

#[derive(Clone, Copy, Debug)]
struct Fence {
    id: FenceId,
    expires: Duration,
}

#[derive(Debug)]
struct Stored {
    record: Vec<u8>,
    expires: Duration,
}

impl MemoryStore {
    pub(crate) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            clock: Clock::new(),
            contents: Mutex::default(),
            fault: Mutex::new(None),
        }
    }

    /// Moves the clock forward: entries expire as if that much time had passed.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Switches a fault on, or off with `None`.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *lock(&self.fault) = fault;
    }

    /// How many entries there are, leases in flight included.
    #[must_use]
    pub fn len(&self) -> usize {
        let now = self.clock.now();
        lock(&self.contents).records.values().filter(|stored| stored.expires > now).count()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes one entry, as a server does that runs out of memory, or an operator with `DEL`.
    /// Tells whether there was one.
    pub fn evict(&self, key: &str) -> bool {
        lock(&self.contents).remove(key)
    }

    /// Removes all entries, as a server does that restarts.
    pub fn clear(&self) {
        *lock(&self.contents) = Contents::default();
    }

    /// Puts any bytes under a key, as somebody else who uses the same server might.
    pub fn set_raw(&self, key: &str, bytes: impl Into<Vec<u8>>, life: Duration) {
        self.put(&mut lock(&self.contents), key, bytes.into(), life);
    }

    /// The bytes under a key.
    #[must_use]
    pub fn get_raw(&self, key: &str) -> Option<Vec<u8>> {
        self.live(&mut lock(&self.contents), key).map(|stored| stored.record.clone())
    }

    fn live<'a>(&self, contents: &'a mut Contents, key: &str) -> Option<&'a mut Stored> {
        let now = self.clock.now();
        if contents.records.get(key).is_some_and(|stored| stored.expires <= now) {
            contents.records.remove(key);
        }
        contents.records.get_mut(key)
    }

    fn put(&self, contents: &mut Contents, key: &str, record: Vec<u8>, life: Duration) {
        let stored = Stored { record, expires: self.clock.now() + life };
        contents.records.insert(key.to_owned(), stored);
    }

    fn is_fenced(&self, contents: &Contents, key: &str) -> bool {
        let now = self.clock.now();
        contents.fences.get(key).is_some_and(|all| all.iter().any(|fence| fence.expires > now))
    }

    /// In milliseconds, as a server tells it.
    fn millis(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps a value from expiring while it is reloaded; its fresh life ends as it would have.
    fn outlive(&self, stored: &mut Stored, header: &Header, lease: Duration) {
        let expires = self.clock.now() + lease;
        if stored.expires < expires {
            if header.soft.is_none() {
                let soft = u64::try_from(stored.expires.as_millis()).unwrap_or(u64::MAX);
                record::set_soft(&mut stored.record, Some(soft));
            }
            stored.expires = expires;
        }
        record::set_refresh(&mut stored.record, self.millis_after(lease));
    }

    fn millis_after(&self, life: Duration) -> u64 {
        self.millis().saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX))
    }

    /// Runs `step` under the fault that is switched on.
    fn operate<'a, T: Send + 'a>(
        &'a self,
        access: Access,
        step: impl FnOnce(&mut Contents) -> T + Send + 'a,
    ) -> Operation<'a, T> {
        Box::pin(async move {
            // One yield per operation: an await that never yields would hide interleavings from
            // simulations.
            tokio::task::yield_now().await;
            let fault = *lock(&self.fault);
            match fault {
                Some(Fault::Down) => return Err(Error::unreachable()),
                Some(Fault::Hang) => return std::future::pending().await,
                Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
                Some(Fault::Refuse) => return Err(refused()),
                Some(Fault::RefuseWrites) if access == Access::Write => return Err(refused()),
                Some(Fault::LoseReplies) => {
                    step(&mut lock(&self.contents));
                    return std::future::pending().await;
                }
                Some(Fault::RefuseWrites) | None => {}
            }
            let result = step(&mut lock(&self.contents));
            tokio::task::yield_now().await;
            Ok(result)
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

fn refused() -> Error {
    Error::new(ErrorKind::Server, "the cache server refused (fault of the in-process store)")
}

/// A lock whose holder panicked guards nothing that could be half done: every step is one insert
/// or remove.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Contents {
    fn remove(&mut self, key: &str) -> bool {
        self.generations.remove(key).is_some() | self.records.remove(key).is_some()
    }
}

impl Store for MemoryStore {
    fn read<'a>(&'a self, key: &'a str, _: &'a Groups) -> Operation<'a, Option<Found>> {
        self.operate(Access::Read, move |contents| {
            let record = self.live(contents, key)?.record.clone();
            let is_current = Header::read(&record)
                .is_none_or(|header| self.are_current(contents, header.stamps(&record)));
            Some(Found { record, is_current })
        })
    }

    fn stamp<'a>(&'a self, groups: &'a [Group]) -> Operation<'a, Option<Stamps>> {
        self.operate(Access::Write, move |contents| {
            let now = u64::try_from(self.clock.now().as_nanos()).unwrap_or(u64::MAX);
            let stamp = |group: &Group| {
                let key = group.key(&self.namespace);
                if self.is_fenced(contents, &key) {
                    return None;
                }
                let new = || Generation::new(fastrand::u64(..).to_le_bytes(), now);
                let generation = *contents.generations.entry(key).or_insert_with(new);
                Some(Stamp { group: *group, generation })
            };
            groups.iter().map(stamp).collect()
        })
    }

    fn is_current<'a>(&'a self, stamps: &'a [u8]) -> Operation<'a, bool> {
        self.operate(Access::Read, move |contents| self.are_current(contents, stamps))
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire<'a>) -> Operation<'a, Acquired> {
        self.operate(Access::Write, move |contents| {
            if self.is_fenced(contents, key) {
                return Acquired::NoStore;
            }
            let now = u64::try_from(self.clock.now().as_nanos()).unwrap_or(u64::MAX);
            let id = LeaseId::new(acquire.nonce, now);
            let found = self
                .live(contents, key)
                .and_then(|stored| Header::read(&stored.record).map(|header| (stored, header)));
            if let Some((stored, header)) = found {
                let is_value = header.state != State::Lease && header.schema == acquire.schema;
                match self.refusal(stored, &header, is_value, acquire) {
                    Some(acquired) => return acquired,
                    None if is_value && acquire.intent != Intent::Replace(header.lease) => {
                        record::sign(&mut stored.record, &id);
                        self.outlive(stored, &header, acquire.lease);
                        let over_seen = header.lease == acquire.seen;
                        return Acquired::Grant { lease: id, over_seen };
                    }
                    None => {}
                }
            } else if acquire.intent == Intent::Reload {
                return Acquired::Nothing;
            }
            let record = record::lease(&id, acquire.schema, acquire.stamps);
            self.put(contents, key, record, acquire.lease);
            Acquired::Grant { lease: id, over_seen: false }
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |contents| {
            if self.holds(contents, key, |header| header.lease == lease).is_none() {
                return Filled::Lost;
            }
            self.store(contents, key, record, life);
            Filled::Stored
        })
    }

    fn keep<'a>(&'a self, key: &'a str, lease: LeaseId, life: Life) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |contents| {
            let is_ours = |header: &Header| header.lease == lease && header.state != State::Lease;
            let Some(stored) = self.holds(contents, key, is_ours) else { return Filled::Lost };
            let mut record = std::mem::take(&mut stored.record);
            record::set_stale(&mut record, false);
            record::set_refresh(&mut record, 0);
            self.store(contents, key, &record, life);
            Filled::Stored
        })
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        self.operate(Access::Write, move |contents| {
            let is_ours = |header: &Header| header.lease == lease && is_held(header);
            let Some(stored) = self.holds(contents, key, is_ours) else { return false };
            match Header::read(&stored.record) {
                Some(header) if header.state != State::Lease => {
                    self.outlive(stored, &header, life);
                }
                _ => stored.expires = self.clock.now() + life,
            }
            true
        })
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce, pause: Duration) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            let is_ours = |header: &Header| header.lease.nonce() == nonce && is_held(header);
            let Some(stored) = self.holds(contents, key, is_ours) else { return };
            if Header::read(&stored.record).is_some_and(|header| header.state == State::Lease) {
                contents.records.remove(key);
                return;
            }
            let until = if pause.is_zero() { 0 } else { self.millis_after(pause) };
            record::sign(&mut stored.record, &LeaseId::NONE);
            record::set_refresh(&mut stored.record, until);
        })
    }

    fn touch<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            let is_idle = |header: &Header| {
                header.lease == lease && header.state == State::Value && header.refresh == 0
            };
            let Some(stored) = self.holds(contents, key, is_idle) else { return };
            record::set_soft(&mut stored.record, Some(self.millis_after(life)));
            stored.expires = self.clock.now() + life;
        })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            for key in keys {
                contents.remove(key);
            }
        })
    }

    fn hold<'a>(&'a self, keys: &'a [String], fence: FenceId, life: Duration) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            let expires = self.clock.now() + life;
            for key in keys {
                contents.remove(key);
                self.unfence(contents, key, fence);
                let fence = Fence { id: fence, expires };
                contents.fences.entry(key.clone()).or_default().push(fence);
            }
        })
    }

    fn lift<'a>(&'a self, keys: &'a [String], fence: FenceId) -> Operation<'a, ()> {
        self.operate(Access::Write, move |contents| {
            for key in keys {
                contents.remove(key);
                self.unfence(contents, key, fence);
            }
        })
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        self.operate(Access::Write, move |contents| {
            let is_value = |header: &Header| header.state == State::Value;
            self.holds(contents, key, is_value)
                .map(|stored| record::set_stale(&mut stored.record, true))
                .is_some()
        })
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        self.operate(Access::Read, move |contents| {
            let now = self.clock.now();
            self.live(contents, key).map(|stored| stored.expires.saturating_sub(now))
        })
    }

    fn now(&self) -> Option<u64> {
        Some(self.millis())
    }

    #[cfg(feature = "unfenced-for-tests")]
    fn overwrite<'a>(
        &'a self,
        key: &'a str,
        record: &'a [u8],
        life: Life,
    ) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |contents| {
            self.store(contents, key, record, life);
            Filled::Stored
        })
    }
}

/// Whether somebody loads under the lease of a record, as far as the record says.
fn is_held(header: &Header) -> bool {
    header.state == State::Lease || header.refresh != 0
}

impl MemoryStore {
    /// Why the lease of an entry is not granted; `None` if it is.
    fn refusal(
        &self,
        stored: &Stored,
        header: &Header,
        is_value: bool,
        acquire: Acquire<'_>,
    ) -> Option<Acquired> {
        let now = self.millis();
        let is_fresh =
            is_value && header.state == State::Value && header.soft.is_none_or(|soft| now < soft);
        let is_busy = header.refresh > now;
        let wait = || {
            let stamps = Stamps::from_slice(header.stamps(&stored.record));
            Some(Acquired::Wait { holder: header.lease, stamps })
        };
        match acquire.intent {
            Intent::Refresh => None,
            Intent::Replace(found) if found == header.lease => None,
            Intent::Reload if !is_value || is_busy || acquire.seen != header.lease => {
                Some(Acquired::Nothing)
            }
            Intent::Reload => None,
            Intent::Read | Intent::Replace(_) => {
                if header.state == State::Lease {
                    wait()
                } else if is_fresh {
                    Some(Acquired::Hit(stored.record.clone()))
                } else if is_value && is_busy && header.lease != LeaseId::NONE {
                    wait()
                } else {
                    None
                }
            }
        }
    }

    fn are_current(&self, contents: &Contents, all: &[u8]) -> bool {
        stamps(all).all(|stamp| {
            contents.generations.get(&stamp.group.key(&self.namespace)) == Some(&stamp.generation)
        })
    }

    /// Puts a record with the life that it is to have.
    fn store(&self, contents: &mut Contents, key: &str, record: &[u8], life: Life) {
        let mut record = record.to_vec();
        record::set_soft(&mut record, life.fresh.map(|fresh| self.millis_after(fresh)));
        self.put(contents, key, record, life.whole);
    }

    fn unfence(&self, contents: &mut Contents, key: &str, fence: FenceId) {
        let now = self.clock.now();
        if let Some(all) = contents.fences.get_mut(key) {
            all.retain(|other| other.id != fence && other.expires > now);
            if all.is_empty() {
                contents.fences.remove(key);
            }
        }
    }

    /// The entry under a key, if its header is as wanted.
    fn holds<'a>(
        &self,
        contents: &'a mut Contents,
        key: &str,
        wanted: impl FnOnce(&Header) -> bool,
    ) -> Option<&'a mut Stored> {
        let stored = self.live(contents, key)?;
        Header::read(&stored.record).is_some_and(|header| wanted(&header)).then_some(stored)
    }
}
