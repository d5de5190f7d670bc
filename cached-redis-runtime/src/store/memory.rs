//! The in-process store: the same semantics as Redis, a clock that tests can move and faults that
//! tests can switch on.

mod scripts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::group::Generation;
use crate::lease::FenceId;
use crate::store::Operation;
use crate::watched::Watched;

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
    /// What those who use it are told of, before the operation that changes it returns.
    watched: Arc<Watched>,
    fault: Mutex<Option<Fault>>,
    /// What keys must begin with that nobody may delete.
    #[cfg(test)]
    forbidden: Mutex<Option<String>>,
    /// How many operations there have been.
    #[cfg(test)]
    pub(crate) operations: std::sync::atomic::AtomicU64,
}

#[derive(Debug, Default)]
struct Contents {
    records: BTreeMap<String, Stored>,
    /// Apart, because nobody would call them entries.
    generations: BTreeMap<String, Living>,
    fences: BTreeMap<String, Vec<Fence>>,
    /// The entries whose next change is reported, and to whom.
    tracked: BTreeSet<String>,
    watched: Arc<Watched>,
    /// Who else hears of what changes: the processes of a simulation.
    #[cfg(test)]
    listeners: Listeners,
}

/// Those who hear the key of every entry and group that changes.
#[cfg(test)]
#[derive(Clone, Default)]
struct Listeners(Vec<Listener>);

#[cfg(test)]
type Listener = Arc<dyn Fn(&str) + Send + Sync>;

#[cfg(test)]
impl std::fmt::Debug for Listeners {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Listeners").field(&self.0.len()).finish()
    }
}

#[derive(Clone, Copy, Debug)]
struct Living {
    generation: Generation,
    expires: Duration,
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
        let watched = Arc::new(Watched::default());
        let contents = Contents { watched: Arc::clone(&watched), ..Contents::default() };
        Self {
            namespace: namespace.to_owned(),
            clock: Clock::new(),
            contents: Mutex::new(contents),
            watched,
            fault: Mutex::new(None),
            #[cfg(test)]
            forbidden: Mutex::default(),
            #[cfg(test)]
            operations: std::sync::atomic::AtomicU64::default(),
        }
    }

    /// Refuses to delete what is under keys that begin so, as a server does whose user may not.
    #[cfg(test)]
    pub(crate) fn forbid(&self, prefix: Option<&str>) {
        *lock(&self.forbidden) = prefix.map(str::to_owned);
    }

    /// Whether a delete of these keys is allowed.
    #[cfg(test)]
    fn permits(&self, keys: &[String]) -> Result<(), Error> {
        let forbidden = lock(&self.forbidden);
        let is_forbidden =
            |key: &String| forbidden.as_ref().is_some_and(|prefix| key.starts_with(prefix));
        if keys.iter().any(is_forbidden) { Err(refused().lasting()) } else { Ok(()) }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as in tests")]
    fn permits(&self, _: &[String]) -> Result<(), Error> {
        Ok(())
    }

    /// Has somebody hear of every change, before the operation that makes it returns.
    #[cfg(test)]
    pub(crate) fn listen(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        lock(&self.contents).listeners.0.push(Arc::new(listener));
    }

    /// Moves the clock forward: entries expire as if that much time had passed.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        // What lives for a while in this process has become older too.
        self.watched.forget();
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
        let contents = &mut *lock(&self.contents);
        contents.records.clear();
        contents.generations.clear();
        contents.fences.clear();
        contents.tracked.clear();
        self.watched.forget();
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
            contents.remove(key);
        }
        contents.records.get_mut(key)
    }

    fn put(&self, contents: &mut Contents, key: &str, record: Vec<u8>, life: Duration) {
        let stored = Stored { record, expires: self.clock.now() + life };
        contents.records.insert(key.to_owned(), stored);
        contents.changed(key);
    }

    /// Runs `step` under the fault that is switched on.
    fn operate<'a, T: Send + 'a>(
        &'a self,
        access: Access,
        step: impl FnOnce(&mut Contents) -> T + Send + 'a,
    ) -> Operation<'a, T> {
        Box::pin(async move {
            #[cfg(test)]
            self.operations.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
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
            let asked = self.watched.asks();
            let result = step(&mut lock(&self.contents));
            // It reports before it answers, so each answer proves that nothing is on its way. There is one database.
            self.watched.proves(asked, Generation::new([0; 8], 0));
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
        let was_generation = self.generations.remove(key).is_some();
        if was_generation {
            self.watched.generations_changed();
            self.said(key);
        }
        let was_entry = self.records.remove(key).is_some();
        if was_entry {
            self.changed(key);
        }
        was_generation || was_entry
    }

    /// Reports that an entry is another one.
    fn changed(&mut self, key: &str) {
        if self.tracked.remove(key) {
            self.watched.changed(key);
        }
        self.said(key);
    }

    #[cfg(test)]
    fn said(&self, key: &str) {
        self.listeners.0.iter().for_each(|listener| listener(key));
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "as in tests")]
    fn said(&self, _: &str) {}
}
