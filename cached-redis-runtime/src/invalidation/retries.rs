//! Failed invalidations, retried until they have succeeded or the entry must have expired.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Target;
use crate::cache::Core;
use crate::telemetry::event;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The invalidations of one cache that have failed so far.
///
/// While an entry's invalidation is outstanding, this process does not read the entry: see
/// [`covers`](Self::covers).
#[derive(Debug)]
pub(crate) struct Retries {
    bound: usize,
    /// How many there are; zero is the fast path of every call.
    pending: AtomicU64,
    dropped: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    // Apart, because a call looks its own key up among the entries, but at every family.
    entries: HashMap<String, Waiting>,
    families: HashMap<String, Waiting>,
    worker_runs: bool,
    next_stamp: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// Tells a target that failed again from the one that is being retried: the delete under way
    /// may have been executed before the later write.
    stamp: u64,
    /// When no entry from before can be left.
    pointless_from: Instant,
}

impl Retries {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bound,
            pending: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            queue: Mutex::default(),
        }
    }

    /// How many are waiting.
    pub(crate) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    /// How many were given up because too many were waiting.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether an invalidation of this entry is outstanding.
    pub(crate) fn covers(&self, key: &str) -> bool {
        if self.pending() == 0 {
            return false;
        }
        let queue = self.lock();
        queue.entries.contains_key(key)
            || queue.families.keys().any(|family| key.starts_with(family.as_str()))
    }

    /// Takes invalidations over and sees to them.
    pub(crate) fn add(core: &Arc<Core>, targets: Vec<Target>) {
        let retries = &core.retries;
        let pointless_from = Instant::now() + core.settings.max_ttl;
        let mut queue = retries.lock();
        for target in targets {
            let full = queue.len() >= retries.bound;
            if full && !queue.contains(&target) {
                retries.dropped.fetch_add(1, Ordering::Relaxed);
                event!(error, "too many failed invalidations; one is given up");
                continue;
            }
            let stamp = queue.next_stamp;
            queue.next_stamp += 1;
            queue.insert(target, Waiting { stamp, pointless_from });
        }
        retries.count(&queue);
        // Without a runtime they wait for the next one that fails.
        if !queue.worker_runs
            && queue.len() > 0
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            queue.worker_runs = true;
            runtime.spawn(work(
                Worker { retries: Arc::clone(retries), ended: false },
                Arc::downgrade(core),
            ));
        }
    }

    fn batch(&self) -> Vec<(Target, u64)> {
        let now = Instant::now();
        let mut queue = self.lock();
        queue.entries.retain(|_, waiting| waiting.pointless_from > now);
        queue.families.retain(|_, waiting| waiting.pointless_from > now);
        self.count(&queue);
        let entries = queue.entries.iter().map(|(key, it)| (Target::Entry(key.clone()), it.stamp));
        let families =
            queue.families.iter().map(|(family, it)| (Target::Family(family.clone()), it.stamp));
        entries.chain(families).collect()
    }

    fn done(&self, target: &Target, stamp: u64) {
        let mut queue = self.lock();
        let (waiting, text) = queue.of(target);
        if waiting.get(text).is_some_and(|waiting| waiting.stamp == stamp) {
            waiting.remove(text);
            self.count(&queue);
        }
    }

    fn count(&self, queue: &Queue) {
        self.pending.store(queue.len() as u64, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn len(&self) -> usize {
        self.entries.len() + self.families.len()
    }

    fn of<'a>(&mut self, target: &'a Target) -> (&mut HashMap<String, Waiting>, &'a String) {
        match target {
            Target::Entry(key) => (&mut self.entries, key),
            Target::Family(family) => (&mut self.families, family),
        }
    }

    fn contains(&self, target: &Target) -> bool {
        match target {
            Target::Entry(key) => self.entries.contains_key(key),
            Target::Family(family) => self.families.contains_key(family),
        }
    }

    fn insert(&mut self, target: Target, waiting: Waiting) {
        match target {
            Target::Entry(key) => self.entries.insert(key, waiting),
            Target::Family(family) => self.families.insert(family, waiting),
        };
    }
}

/// The claim to be the only worker. Dropped with its task, also when the runtime goes away.
struct Worker {
    retries: Arc<Retries>,
    ended: bool,
}

impl Worker {
    /// Ends if there is nothing to do. Under the lock, so that nobody adds a target for a worker
    /// that is about to end.
    fn ends(&mut self) -> bool {
        let mut queue = self.retries.lock();
        self.ended = queue.len() == 0;
        queue.worker_runs = !self.ended;
        self.ended
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // By now another one may be running, if this one has said that it ends.
        if !self.ended {
            self.retries.lock().worker_runs = false;
        }
    }
}

async fn work(mut worker: Worker, core: std::sync::Weak<Core>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let batch = worker.retries.batch();
        if batch.is_empty() {
            if worker.ends() {
                return;
            }
            continue;
        }
        // A cache that nobody holds any more has no readers in this process.
        let Some(core) = core.upgrade() else { return };
        let mut left: Vec<_> = batch.iter().map(|(target, _)| target.clone()).collect();
        let result = core.remove(&mut left).await;
        // In order: what is left is the end of the batch.
        for (target, stamp) in &batch[..batch.len() - left.len()] {
            worker.retries.done(target, *stamp);
        }
        drop(core);
        if result.is_ok() {
            pause = FIRST_PAUSE;
        } else {
            tokio::time::sleep(pause.mul_f64(fastrand::f64().mul_add(0.5, 0.75))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
