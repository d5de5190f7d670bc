//! Failed invalidations, kept until they have succeeded: no time is enough, as an entry that is read may live for ever.
//!
//! Those that the server refuses for good are tried ever more seldom, and given up when what they were
//! about must have expired.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::target::Target;
use crate::backoff::Backoff;
use crate::sole_task::{SoleTask, TaskToken};

/// A worker that gives no sign of life for so long is on a runtime that is not driven.
const SILENCE: Duration = Duration::from_secs(3);
/// Between retries.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(20);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Between attempts of what was refused: long enough not to be a burden, short enough that a right which
/// was forgotten is noticed soon after it has been given.
const FIRST_PAUSE_REFUSED: Duration = Duration::from_millis(100);
const LONGEST_PAUSE_REFUSED: Duration = Duration::from_secs(10);

/// The invalidations of one cache that have failed so far.
///
/// While an entry's invalidation is outstanding, this process does not read the entry: see
/// [`covers`](Self::covers).
#[derive(Debug)]
pub(super) struct Retries {
    bound: usize,
    /// After which a refused invalidation is given up, whatever it is about.
    longest: Duration,
    /// How many there are; zero is the fast path of every call.
    pending: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
    /// How many have succeeded in the end.
    succeeded: AtomicU64,
    queue: Mutex<Queue>,
    added: Notify,
}

#[derive(Debug)]
struct Queue {
    /// By their keys.
    targets: HashMap<String, Waiting>,
    worker: SoleTask,
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    target: Target,
    /// Tells a target that failed again from the one that is being retried: the delete under way
    /// may have been executed before the later write.
    moment: Moment,
    refused: Option<Refused>,
}

/// What the server refuses for good.
#[derive(Debug)]
struct Refused {
    /// When the last write that it is about had ended.
    since: Instant,
    backoff: Backoff,
    next: Instant,
    /// Somebody may keep alive by reading it what should have been removed.
    is_endless: bool,
}

impl Refused {
    fn new() -> Self {
        let mut backoff = Backoff::new(FIRST_PAUSE_REFUSED, LONGEST_PAUSE_REFUSED);
        let since = Instant::now();
        Self { since, next: since + backoff.pause(), backoff, is_endless: false }
    }
}

/// Between two failures: what failed before it is covered by a delete that is sent after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Retries {
    pub(super) fn new(bound: usize, longest: Duration) -> Self {
        Self {
            bound,
            longest,
            pending: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
            queue: Mutex::new(Queue {
                targets: HashMap::new(),
                worker: SoleTask::new(SILENCE),
                next: 0,
            }),
            added: Notify::new(),
        }
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Acquire)
    }

    /// Whether an invalidation of what is under this key is outstanding, for a reader whose entries live
    /// that long at most, if hits do not renew their life.
    ///
    /// One that was refused ends with the longest life: by then, what it was about has expired.
    pub(super) fn covers(&self, key: &str, life: Option<Duration>) -> bool {
        if self.pending() == 0 {
            return false;
        }
        let mut queue = self.lock();
        let Some(Waiting { refused, .. }) = queue.targets.get_mut(key) else { return false };
        match (refused, life) {
            (Some(refused), Some(life)) => refused.since.elapsed() < life,
            (Some(refused), None) => {
                refused.is_endless = true;
                true
            }
            (None, _) => true,
        }
    }

    /// Keeps targets, and returns how many there was no room for.
    pub(super) fn add(&self, targets: Vec<Target>, are_refused: bool) -> u64 {
        let mut given_up = 0;
        let mut queue = self.lock();
        for mut target in targets {
            if queue.targets.len() >= self.bound && !queue.targets.contains_key(&target.key) {
                given_up += 1;
                continue;
            }
            let moment = Moment(queue.next);
            queue.next += 1;
            let known = queue.targets.remove(&target.key);
            let (class, known) =
                known.map_or((None, None), |known| (known.target.class, known.refused));
            target.class = target.class.or(class);
            let refused = match known {
                Some(known) => Some(Refused { since: Instant::now(), ..known }),
                None => are_refused.then(|| self.first_refusal()),
            };
            queue.targets.insert(target.key.clone(), Waiting { target, moment, refused });
        }
        self.count(&queue);
        self.dropped.fetch_add(given_up, Ordering::Relaxed);
        self.added.notify_one();
        given_up
    }

    /// The server has refused these again, or what it did not refuse before.
    pub(super) fn refuse(&self, targets: &[Target]) {
        let mut queue = self.lock();
        for target in targets {
            let Some(waiting) = queue.targets.get_mut(&target.key) else { continue };
            let refused = waiting.refused.get_or_insert_with(|| self.first_refusal());
            refused.next = Instant::now() + refused.backoff.pause();
        }
    }

    fn first_refusal(&self) -> Refused {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Refused::new()
    }

    /// To be asked before a delete is sent.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.lock().next)
    }

    /// A delete that was sent after this moment has removed these: they wait no more, unless they have
    /// failed again meanwhile.
    pub(super) fn done(&self, targets: &[Target], sent: Moment) {
        if self.pending() == 0 {
            return;
        }
        let mut queue = self.lock();
        for target in targets {
            if queue.targets.get(&target.key).is_some_and(|waiting| waiting.moment < sent) {
                queue.targets.remove(&target.key);
                self.succeeded.fetch_add(1, Ordering::Release);
            }
        }
        self.count(&queue);
    }

    /// The token of the worker, if there is work and nobody else does it.
    pub(super) fn worker(retries: &Arc<Self>) -> Option<Worker> {
        let mut queue = retries.lock();
        if queue.targets.is_empty() {
            return None;
        }
        let token = queue.worker.take()?;
        Some(Worker { retries: Arc::clone(retries), token })
    }

    fn count(&self, queue: &Queue) {
        self.pending.store(queue.targets.len() as u64, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of the only worker. Dropped with its task, also when the runtime goes away.
pub(super) struct Worker {
    retries: Arc<Retries>,
    token: TaskToken,
}

impl Worker {
    /// Whether there is nothing left to do, or another worker does it. Then the next one may start: under
    /// the same lock, so that nobody adds a target for a worker that is about to end.
    pub(super) fn is_done(&self) -> bool {
        let mut queue = self.retries.lock();
        if queue.targets.is_empty() {
            queue.worker.give_back(self.token);
            return true;
        }
        !queue.worker.renew(self.token)
    }

    /// What is to be tried now. What was refused for longer than anything lives is given up.
    pub(super) fn due(&self) -> Vec<Target> {
        let Retries { longest, dropped, .. } = &*self.retries;
        let mut queue = self.retries.lock();
        let now = Instant::now();
        let before = queue.targets.len();
        queue.targets.retain(|_, waiting| {
            let is_over =
                |refused: &Refused| !refused.is_endless && now >= refused.since + *longest;
            !waiting.refused.as_ref().is_some_and(is_over)
        });
        dropped.fetch_add((before - queue.targets.len()) as u64, Ordering::Relaxed);
        self.retries.count(&queue);
        let is_due =
            |waiting: &&Waiting| waiting.refused.as_ref().is_none_or(|refused| now >= refused.next);
        queue.targets.values().filter(is_due).map(|waiting| waiting.target.clone()).collect()
    }

    /// Waits until something is due, or may be: the token has to be renewed now and then.
    pub(super) async fn wait(&self) {
        let next = |waiting: &Waiting| waiting.refused.as_ref().map(|refused| refused.next);
        let next = self.retries.lock().targets.values().filter_map(next).min();
        let pause = next.map_or(Duration::ZERO, |next| next - Instant::now());
        tokio::select! {
            () = tokio::time::sleep(pause.clamp(FIRST_PAUSE, LONGEST_PAUSE)) => {}
            () = self.retries.added.notified() => {}
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // By now another one may have it.
        self.retries.lock().worker.give_back(self.token);
    }
}
