//! Invalidations: now, after a write, and again until they have succeeded.

mod retries;
mod writes;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::budget::Budget;
use crate::error::Error;
use crate::store::Store;
use crate::telemetry::event;
use retries::{Retries, Worker};
pub use writes::{InvalidateAll, Returned, ReturnedPlain, ReturnedResult, Writes};

/// Keys per command: a delete of many thousands would hold the server up.
const BATCH: usize = 500;

/// Between retries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What is to be removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// One entry.
    Entry(String),
    /// All entries whose keys begin so.
    Family(String),
}

/// Removes entries of one store.
pub(crate) struct Invalidator {
    store: Arc<dyn Store>,
    /// Of one command.
    budget: Duration,
    retries: Arc<Retries>,
}

impl Target {
    fn key(&self) -> Option<&String> {
        match self {
            Self::Entry(key) => Some(key),
            Self::Family(_) => None,
        }
    }
}

impl Invalidator {
    /// `longest_life` bounds how long a failed invalidation can matter, `bound` how many may wait.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        budget: Duration,
        longest_life: Duration,
        bound: usize,
    ) -> Self {
        Self { store, budget, retries: Arc::new(Retries::new(bound, longest_life)) }
    }

    /// Removes one entry. If that fails, it is retried in the background.
    pub(crate) async fn invalidate(self: &Arc<Self>, key: String) -> Result<(), Error> {
        self.invalidate_all(vec![Target::Entry(key)]).await
    }

    /// Removes targets. What fails is retried in the background.
    pub(crate) async fn invalidate_all(
        self: &Arc<Self>,
        targets: Vec<Target>,
    ) -> Result<(), Error> {
        // Until it has succeeded, the guard retries them: also if this future is dropped.
        let mut outstanding = Outstanding { invalidator: self, targets };
        self.remove(&mut outstanding.targets).await
    }

    /// Whether an invalidation of this entry has failed and not succeeded since.
    pub(crate) fn is_outstanding(&self, key: &str) -> bool {
        self.retries.covers(key)
    }

    /// How many are waiting to be retried.
    pub(crate) fn pending(&self) -> u64 {
        self.retries.pending()
    }

    /// How many were given up because too many were waiting.
    pub(crate) fn dropped(&self) -> u64 {
        self.retries.dropped()
    }

    /// Takes invalidations over and sees to them in the background.
    pub(crate) fn retry(self: &Arc<Self>, targets: Vec<Target>) {
        let given_up = self.retries.add(targets);
        if given_up > 0 {
            event!(error, count = given_up, "too many failed invalidations: some are given up");
        }
        // Without a runtime they wait for the next one that fails.
        if let Ok(runtime) = Handle::try_current()
            && let Some(worker) = Retries::worker(&self.retries)
        {
            runtime.spawn(work(worker, Arc::downgrade(self)));
        }
    }

    /// Removes targets in order, taking out of the list what is done.
    async fn remove(&self, targets: &mut Vec<Target>) -> Result<(), Error> {
        while let Some(first) = targets.first() {
            let done = match first {
                Target::Family(family) => {
                    self.sweep(family).await?;
                    1
                }
                Target::Entry(_) => {
                    let keys: Vec<_> =
                        targets.iter().map_while(Target::key).take(BATCH).cloned().collect();
                    let delete = self.store.delete(&keys);
                    Budget::new(self.budget).run(&*self.store, delete).await?;
                    keys.len()
                }
            };
            targets.drain(..done);
        }
        Ok(())
    }

    async fn sweep(&self, family: &str) -> Result<(), Error> {
        let mut cursor = 0;
        let mut epoch = None;
        loop {
            let step = self.store.sweep(family, cursor);
            cursor = Budget::new(self.budget).run(&*self.store, step).await?;
            let now = self.store.epoch();
            if epoch.replace(now).is_some_and(|before| before != now) {
                // A cursor means nothing to the server behind another connection.
                cursor = 0;
            } else if cursor == 0 {
                return Ok(());
            }
        }
    }
}

/// Invalidations that have not succeeded yet. What is left when it is dropped is retried.
struct Outstanding<'a> {
    invalidator: &'a Arc<Invalidator>,
    targets: Vec<Target>,
}

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        if !self.targets.is_empty() {
            self.invalidator.retry(std::mem::take(&mut self.targets));
        }
    }
}

/// Retries until nothing is left, or until nobody holds the cache any more: then it has no readers
/// in this process.
async fn work(mut worker: Worker, invalidator: Weak<Invalidator>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while !worker.is_done() {
        let Some(invalidator) = invalidator.upgrade() else { return };
        let batch = worker.batch();
        let mut left: Vec<_> = batch.iter().map(|(target, _)| target.clone()).collect();
        let result = invalidator.remove(&mut left).await;
        drop(invalidator);
        // In order: what is left is the end of the batch.
        worker.done(&batch[..batch.len() - left.len()]);
        if result.is_ok() {
            backoff.reset();
        } else {
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

#[cfg(test)]
mod tests;
