//! Failed invalidations, kept until they have succeeded: no time is enough, as an entry that is read may live for ever.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Target;
use crate::claim::{Claim, Claims};

/// A worker that gives no sign of life for so long is on a runtime that is not driven.
const SILENCE: Duration = Duration::from_secs(3);

/// The invalidations of one cache that have failed so far.
///
/// While an entry's invalidation is outstanding, this process does not read the entry: see
/// [`covers`](Self::covers).
#[derive(Debug)]
pub(super) struct Retries {
    bound: usize,
    /// How many there are; zero is the fast path of every call.
    pending: AtomicU64,
    dropped: AtomicU64,
    /// How many have succeeded in the end.
    succeeded: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// By their keys.
    targets: HashMap<String, Waiting>,
    worker: Claims,
    next_stamp: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    /// [`Target::class`].
    class: Option<String>,
    /// Tells a target that failed again from the one that is being retried: the delete under way
    /// may have been executed before the later write.
    stamp: u64,
}

impl Retries {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            bound,
            pending: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
            queue: Mutex::new(Queue {
                targets: HashMap::new(),
                worker: Claims::new(SILENCE),
                next_stamp: 0,
            }),
        }
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Acquire)
    }

    /// Whether an invalidation of what is under this key is outstanding.
    pub(super) fn covers(&self, key: &str) -> bool {
        self.pending() != 0 && self.lock().targets.contains_key(key)
    }

    /// Keeps targets, and returns how many there was no room for.
    pub(super) fn add(&self, targets: Vec<Target>) -> u64 {
        let mut given_up = 0;
        let mut queue = self.lock();
        for target in targets {
            if queue.targets.len() >= self.bound && !queue.targets.contains_key(&target.key) {
                given_up += 1;
                continue;
            }
            let stamp = queue.next_stamp;
            queue.next_stamp += 1;
            let Target { key, class } = target;
            let class = class.or_else(|| queue.targets.get(&key)?.class.clone());
            queue.targets.insert(key, Waiting { class, stamp });
        }
        self.count(&queue);
        self.dropped.fetch_add(given_up, Ordering::Relaxed);
        given_up
    }

    /// The claim to be the worker, if there is work and nobody else does it.
    pub(super) fn worker(retries: &Arc<Self>) -> Option<Worker> {
        let mut queue = retries.lock();
        if queue.targets.is_empty() {
            return None;
        }
        let claim = queue.worker.take()?;
        Some(Worker { retries: Arc::clone(retries), claim })
    }

    fn count(&self, queue: &Queue) {
        self.pending.store(queue.targets.len() as u64, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The claim to be the only worker. Dropped with its task, also when the runtime goes away.
pub(super) struct Worker {
    retries: Arc<Retries>,
    claim: Claim,
}

impl Worker {
    /// Whether there is nothing left to do, or another worker does it. Then the next one may start: under
    /// the same lock, so that nobody adds a target for a worker that is about to end.
    pub(super) fn is_done(&self) -> bool {
        let mut queue = self.retries.lock();
        if queue.targets.is_empty() {
            queue.worker.give_back(self.claim);
            return true;
        }
        !queue.worker.renew(self.claim)
    }

    /// Everything that waits, with its stamp.
    pub(super) fn batch(&self) -> Vec<(Target, u64)> {
        let queue = self.retries.lock();
        let target = |(key, waiting): (&String, &Waiting)| {
            (Target { key: key.clone(), class: waiting.class.clone() }, waiting.stamp)
        };
        queue.targets.iter().map(target).collect()
    }

    /// These have succeeded, and wait no more unless they have failed again meanwhile.
    pub(super) fn done(&self, targets: &[(Target, u64)]) {
        let mut queue = self.retries.lock();
        for (target, stamp) in targets {
            let is_same = |waiting: &Waiting| waiting.stamp == *stamp;
            if queue.targets.get(&target.key).is_some_and(is_same) {
                queue.targets.remove(&target.key);
                self.retries.succeeded.fetch_add(1, Ordering::Release);
            }
        }
        self.retries.count(&queue);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // By now another one may have it.
        self.retries.lock().worker.give_back(self.claim);
    }
}
