//! What this process has the server tell it: which entries change, and that the server can still be heard.
//!
//! Under `CLIENT TRACKING` in its mode OPTIN, a connection that has read a key after `CLIENT CACHING YES` hears of the
//! next change of it. So a copy of an entry can be kept in the process ([`local`](crate::local)) for as long as its
//! [`Watch`] stands. A watch begins *before* the entry is read, and a change that is reported before its reply has
//! arrived ends it: what was read then is not kept. That is the fence of the local tier.
//!
//! Silence proves nothing: the connection may be dead and nobody have noticed. A reply proves that what the server said
//! before it has arrived. So a copy counts for as long as the connection has answered a command that was *sent* lately
//! ([`Watched::is_proved`]). The command asks for a random number under a key of the namespace, because a database can
//! also be exchanged for another without a word (`SWAPDB`, a restore): then the number is another one.
//!
//! All knowledge ends with the connection: an epoch, which costs nothing however many entries are watched.
//!
//! A call that waits for a load in another process watches the entry too ([`waiting`]): the report of its change is what
//! it waits for. Copies are a feature, waiting is not.

pub(crate) mod waiting;

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::group::Generation;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use waiting::Waiters;

/// The entries that one process has a store watch for it.
pub(crate) struct Watched {
    /// Grows when everything that was known has become worthless.
    epoch: AtomicU64,
    /// Grows with each change of what is known of generations.
    generations: AtomicU64,
    /// When the last command was sent that has been answered in this epoch; zero if there is none.
    proved: AtomicU64,
    began: Instant,
    standing: Mutex<Standing>,
    /// Wakes those who wait for an entry when the epoch or a generation has changed.
    stirred: Notify,
}

/// Keeps copies of entries.
pub(crate) trait Keeper: Send + Sync {
    /// The copy under this key is of no more use, if it was made under this watch.
    fn over(&self, copy: &[u8], watch: &Watch);
}

#[derive(Default)]
struct Standing {
    watches: HashSet<ByKey>,
    /// The number that the server has had under the key of the database, in this epoch.
    database: Option<Generation>,
}

impl Standing {
    /// Nobody needs this watch any more. One that has taken its place stays.
    fn remove(&mut self, watch: &Arc<Watch>) {
        let is_this = |known: &ByKey| Arc::ptr_eq(&known.0, watch);
        if self.watches.get(&*watch.key).is_some_and(is_this) {
            self.watches.remove(&*watch.key);
        }
    }
}

/// One entry that is watched.
pub(crate) struct Watch {
    /// Of the entry, in the store.
    key: Box<str>,
    epoch: u64,
    is_over: AtomicBool,
    /// Who has a copy of what was read, and under which key.
    copy: OnceLock<Kept>,
    /// Those who wait for its end, if it was begun for them: then nothing is copied under it.
    waiters: Option<Waiters>,
}

/// Who has a copy, and under which key.
type Kept = (Weak<dyn Keeper>, Box<[u8]>);

/// A watch, found by its key.
struct ByKey(Arc<Watch>);

impl Borrow<str> for ByKey {
    fn borrow(&self) -> &str {
        &self.0.key
    }
}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

/// A watch that has begun, for whoever is about to read the entry. Dropped without being kept, it ends.
pub(crate) struct Begun {
    watched: Arc<Watched>,
    watch: Arc<Watch>,
}

/// A time, in nanoseconds since the first use of a [`Watched`].
pub(crate) type Nanos = u64;

/// All of a duration; the longest there is, if it is longer.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    const SECOND: Nanos = 1_000_000_000;
    // `as_nanos` has twice as many bits, which a hit would notice.
    duration.as_secs().saturating_mul(SECOND).saturating_add(Nanos::from(duration.subsec_nanos()))
}

/// When a command was about to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    epoch: u64,
    at: Nanos,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            epoch: AtomicU64::new(0),
            generations: AtomicU64::new(0),
            proved: AtomicU64::new(0),
            began: Instant::now(),
            standing: Mutex::default(),
            stirred: Notify::new(),
        }
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the keys: a readable one has arguments in it.
        formatter.debug_struct("Watched").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Watched {
    /// Now.
    pub(crate) fn now(&self) -> Nanos {
        nanos(self.began.elapsed())
    }

    /// Begins to watch an entry that is about to be read. `None` while another caller does, and while it is not proved
    /// within `bound` that the server can be heard.
    pub(crate) fn begin(self: &Arc<Self>, key: &str, bound: Duration) -> Option<Begun> {
        // In this order: what is proved after this epoch says nothing of it.
        let epoch = self.epoch();
        if !self.is_proved(self.now(), bound) {
            return None;
        }
        let mut standing = self.lock();
        if let Some(ByKey(known)) = standing.watches.get(key) {
            if known.is_standing(epoch) && known.copy.get().is_none() {
                return None;
            }
            // Its copy is about to be replaced.
            known.end();
        }
        let watch = Arc::new(Watch::new(key, epoch, None));
        standing.watches.replace(ByKey(Arc::clone(&watch)));
        drop(standing);
        Some(Begun { watched: Arc::clone(self), watch })
    }

    /// An entry has changed, or been removed: here, or as the server says. Callers that change it do this
    /// before they return, because a report of one's own write can come after its reply.
    pub(crate) fn changed(&self, key: &str) {
        let mut standing = self.lock();
        let Some(ByKey(watch)) = standing.watches.take(key) else { return };
        watch.end();
        drop(standing);
        watch.drop_copy();
    }

    /// Something that is known of generations has changed.
    pub(crate) fn generations_changed(&self) {
        self.generations.fetch_add(1, Ordering::Release);
        self.stirred.notify_waiters();
    }

    /// How often that was so far. To be asked before generations are.
    pub(crate) fn generations(&self) -> u64 {
        self.generations.load(Ordering::Acquire)
    }

    /// Nothing that is known counts any more: the connection is gone.
    pub(crate) fn forget(&self) {
        self.forget_all(&mut self.lock());
    }

    /// With the lock, so that no proof of an earlier epoch comes after it.
    fn forget_all(&self, standing: &mut Standing) {
        standing.database = None;
        // In this order: what is read of the next epoch has no proof of this one.
        self.proved.store(0, Ordering::Release);
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.generations_changed();
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// To be called before a command is sent whose reply is to prove something.
    pub(crate) fn asks(&self) -> Asked {
        Asked { epoch: self.epoch(), at: self.now().max(1) }
    }

    /// The server has answered, and has this number under the key of the database. Whether that proves anything.
    pub(crate) fn proves(&self, asked: Asked, database: Generation) -> bool {
        let mut standing = self.lock();
        if self.epoch() != asked.epoch {
            return false;
        }
        if *standing.database.get_or_insert(database) != database {
            self.forget_all(&mut standing);
            return false;
        }
        self.proved.fetch_max(asked.at, Ordering::AcqRel);
        true
    }

    /// Whether the server has answered a command that was sent less than `bound` ago.
    pub(crate) fn is_proved(&self, now: Nanos, bound: Duration) -> bool {
        let proved = self.proved.load(Ordering::Acquire);
        proved != 0 && now.saturating_sub(proved) < nanos(bound)
    }

    /// Nobody keeps what was read under this watch any more.
    pub(crate) fn end(&self, watch: &Arc<Watch>) {
        watch.end();
        self.lock().remove(watch);
    }

    /// How many entries are watched.
    #[cfg(any(test, feature = "unfenced-for-tests"))]
    pub(crate) fn len(&self) -> usize {
        self.lock().watches.len()
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    fn new(key: &str, epoch: u64, waiters: Option<Waiters>) -> Self {
        let (is_over, copy) = (AtomicBool::new(false), OnceLock::new());
        Self { key: key.into(), epoch, is_over, copy, waiters }
    }

    /// Of the entry, in the store.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Whether a copy that was made under it counts.
    pub(crate) fn is_standing(&self, epoch: u64) -> bool {
        self.epoch == epoch && !self.is_over.load(Ordering::Acquire)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(waiters) = &self.waiters {
            waiters.wake();
        }
    }

    /// It has ended: a copy that was made under it is of no more use. Not to be called with the lock.
    fn drop_copy(&self) {
        if let Some((keeper, copy)) = self.copy.get()
            && let Some(keeper) = keeper.upgrade()
        {
            keeper.over(copy, self);
        }
    }
}

impl Begun {
    /// Keeps the watch for a copy of what was read under it, unless the entry has changed since it began.
    pub(crate) fn keep(self, keeper: Weak<dyn Keeper>, copy: &[u8]) -> Option<Arc<Watch>> {
        let _ = self.watch.copy.set((keeper, copy.into()));
        // Otherwise it ends as this is dropped.
        self.is_standing().then(|| Arc::clone(&self.watch))
    }

    fn is_standing(&self) -> bool {
        self.watch.is_standing(self.watched.epoch())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.watch.copy.get().is_none() || !self.is_standing() {
            self.watched.end(&self.watch);
        }
    }
}

#[cfg(all(test, shuttle))]
pub(crate) mod schedules;
