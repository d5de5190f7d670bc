//! The in-process store: the same semantics as Redis, a clock that tests can move and faults that
//! tests can switch on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId, Nonce};
use crate::record::{self, Header, State};
use crate::store::{Operation, Store};

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
    clock: Clock,
    records: Mutex<BTreeMap<String, Stored>>,
    fault: Mutex<Option<Fault>>,
}

#[derive(Debug)]
struct Stored {
    record: Vec<u8>,
    expires: Duration,
}

impl MemoryStore {
    pub(crate) fn new() -> Self {
        Self { clock: Clock::new(), records: Mutex::new(BTreeMap::new()), fault: Mutex::new(None) }
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
        lock(&self.records).values().filter(|stored| stored.expires > now).count()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes one entry, as a server does that runs out of memory, or an operator with `DEL`.
    /// Tells whether there was one.
    pub fn evict(&self, key: &str) -> bool {
        lock(&self.records).remove(key).is_some()
    }

    /// Removes all entries, as a server does that restarts.
    pub fn clear(&self) {
        lock(&self.records).clear();
    }

    /// Puts any bytes under a key, as somebody else who uses the same server might.
    pub fn set_raw(&self, key: &str, bytes: impl Into<Vec<u8>>, life: Duration) {
        self.put(&mut lock(&self.records), key, bytes.into(), life);
    }

    /// The bytes under a key.
    #[must_use]
    pub fn get_raw(&self, key: &str) -> Option<Vec<u8>> {
        self.live(&mut lock(&self.records), key).map(|stored| stored.record.clone())
    }

    fn live<'a>(
        &self,
        records: &'a mut BTreeMap<String, Stored>,
        key: &str,
    ) -> Option<&'a mut Stored> {
        let now = self.clock.now();
        if records.get(key).is_some_and(|stored| stored.expires <= now) {
            records.remove(key);
        }
        records.get_mut(key)
    }

    fn put(
        &self,
        records: &mut BTreeMap<String, Stored>,
        key: &str,
        record: Vec<u8>,
        life: Duration,
    ) {
        records.insert(key.to_owned(), Stored { record, expires: self.clock.now() + life });
    }

    /// Runs `step` under the fault that is switched on.
    fn operate<'a, T: Send + 'a>(
        &'a self,
        access: Access,
        step: impl FnOnce(&mut BTreeMap<String, Stored>) -> T + Send + 'a,
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
                    step(&mut lock(&self.records));
                    return std::future::pending().await;
                }
                Some(Fault::RefuseWrites) | None => {}
            }
            let result = step(&mut lock(&self.records));
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

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Vec<u8>>> {
        self.operate(Access::Read, move |records| {
            self.live(records, key).map(|stored| stored.record.clone())
        })
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire) -> Operation<'a, Acquired> {
        self.operate(Access::Write, move |records| {
            let now = u64::try_from(self.clock.now().as_nanos()).unwrap_or(u64::MAX);
            let id = LeaseId::new(acquire.nonce, now);
            let found = self
                .live(records, key)
                .and_then(|stored| Header::read(&stored.record).map(|header| (stored, header)));
            if let Some((stored, header)) = found {
                let readable = header.state == State::Value && header.schema == acquire.schema;
                match (header.state, acquire.intent) {
                    (State::Tombstone, _) => return Acquired::NoStore,
                    (State::Lease, Intent::Read | Intent::Replace) => {
                        return Acquired::Wait { holder: header.lease };
                    }
                    (State::Value, Intent::Read) if readable => {
                        return Acquired::Hit(stored.record.clone());
                    }
                    (State::Value, Intent::Refresh) if readable => {
                        record::sign(&mut stored.record, &id);
                        return Acquired::Grant(id);
                    }
                    _ => {}
                }
            }
            self.put(records, key, record::lease(&id, acquire.schema), acquire.lease);
            Acquired::Grant(id)
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |records| {
            if self.holds(records, key, |header| header.lease == lease).is_none() {
                return Filled::Lost;
            }
            self.put(records, key, record.to_vec(), life);
            Filled::Stored
        })
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        self.operate(Access::Write, move |records| {
            let until = self.clock.now() + life;
            let held = self.holds(records, key, |header| {
                header.lease == lease && header.state == State::Lease
            });
            held.map(|stored| stored.expires = until).is_some()
        })
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce) -> Operation<'a, ()> {
        self.operate(Access::Write, move |records| {
            let held = self.holds(records, key, |header| {
                header.lease.nonce() == nonce && header.state == State::Lease
            });
            if held.is_some() {
                records.remove(key);
            }
        })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        self.operate(Access::Write, move |records| {
            for key in keys {
                records.remove(key);
            }
        })
    }

    fn sweep<'a>(&'a self, family: &'a str, _cursor: u64) -> Operation<'a, u64> {
        self.operate(Access::Write, move |records| {
            records.retain(|key, _| !key.starts_with(family));
            0
        })
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        self.operate(Access::Write, move |records| {
            self.live(records, key).is_some_and(|stored| record::mark_stale(&mut stored.record))
        })
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        self.operate(Access::Read, move |records| {
            let now = self.clock.now();
            self.live(records, key).map(|stored| stored.expires.saturating_sub(now))
        })
    }

    #[cfg(feature = "unfenced-for-tests")]
    fn overwrite<'a>(
        &'a self,
        key: &'a str,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled> {
        self.operate(Access::Write, move |records| {
            self.put(records, key, record.to_vec(), life);
            Filled::Stored
        })
    }
}

impl MemoryStore {
    /// The entry under a key, if its header is as wanted.
    fn holds<'a>(
        &self,
        records: &'a mut BTreeMap<String, Stored>,
        key: &str,
        wanted: impl FnOnce(&Header) -> bool,
    ) -> Option<&'a mut Stored> {
        let stored = self.live(records, key)?;
        Header::read(&stored.record).is_some_and(|header| wanted(&header)).then_some(stored)
    }
}
