//! Invalidations: now, after a write, and again until they have succeeded.

mod outbox;
mod retries;
mod update;
mod writes;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::budget::{Budget, has_timers, timed};
use crate::error::Error;
use crate::group::{self, Stamp};
use crate::stats::Counter;
use crate::store::Store;
use crate::telemetry::event;
pub use outbox::Invalidations;
use retries::{Retries, Worker};
pub use update::{Update, Updates};
pub use writes::{InvalidateAll, Returned, ReturnedPlain, ReturnedResult, Writes};

/// Keys per command: a delete of many thousands would hold the server up.
const BATCH: usize = 500;

/// Between renewals of a fence or a lease.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Between retries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What is to be removed: an entry, or the generation of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) key: String,
    /// The generation of a tag's class, which must not go later than the tag's own.
    pub(crate) class: Option<String>,
}

/// A moment before something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before(u64);

/// Removes entries of one store.
pub(crate) struct Invalidator {
    store: Arc<dyn Store>,
    namespace: String,
    /// Of one command.
    budget: Duration,
    retries: Arc<Retries>,
    failed: Counter,
}

impl Target {
    pub(crate) fn new(key: String) -> Self {
        Self { key, class: None }
    }

    /// Its keys, in the order in which they are to go.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.class.iter().chain([&self.key])
    }
}

impl Invalidator {
    /// `bound` is how many failed invalidations may wait.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        namespace: &str,
        budget: Duration,
        bound: usize,
    ) -> Self {
        let namespace = namespace.to_owned();
        let retries = Arc::new(Retries::new(bound));
        Self { store, namespace, budget, retries, failed: Counter::default() }
    }

    /// Removes one entry. If that fails, it is retried in the background.
    pub(crate) async fn invalidate(self: &Arc<Self>, key: String) -> Result<(), Error> {
        self.invalidate_all(vec![Target::new(key)]).await
    }

    /// The same within what is left of a call's budget.
    pub(crate) async fn invalidate_within(
        self: &Arc<Self>,
        key: String,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let keys = [key.clone()];
        let mut outstanding = Outstanding { invalidator: self, targets: vec![Target::new(key)] };
        budget.run(&*self.store, self.store.delete(&keys)).await?;
        outstanding.targets.clear();
        Ok(())
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
    pub(crate) fn is_outstanding(self: &Arc<Self>, key: &str) -> bool {
        if self.pending() != 0 {
            // The runtime on which they were retried may have ended.
            self.see_to_it();
        }
        self.retries.covers(key)
    }

    /// To be asked before something is read.
    pub(crate) fn before_reading(&self) -> Before {
        Before(self.retries.succeeded())
    }

    /// Whether an invalidation of an entry with these stamps has failed, and had not succeeded when
    /// the entry was read. One that has succeeded while the answer was on its way cannot be asked
    /// any more, so whatever was read then is none to rely on.
    pub(crate) fn was_outstanding(&self, before: Before, key: &str, stamps: &[u8]) -> bool {
        let covers_group = |stamp: Stamp| self.retries.covers(&stamp.group.key(&self.namespace));
        self.retries.pending() != 0
            && (self.retries.covers(key) || group::stamps(stamps).any(covers_group))
            // In this order: what is no longer waiting by now has been counted.
            || before != self.before_reading()
    }

    /// How many are waiting to be retried.
    pub(crate) fn pending(&self) -> u64 {
        self.retries.pending()
    }

    /// Counts one that cannot be tried, nor tried again.
    pub(crate) fn count_failure(&self) {
        self.failed.increment();
    }

    /// How many did not succeed at once.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.get()
    }

    /// How many were given up because too many were waiting.
    pub(crate) fn dropped(&self) -> u64 {
        self.retries.dropped()
    }

    /// Takes invalidations over and sees to them in the background.
    pub(crate) fn retry(self: &Arc<Self>, targets: Vec<Target>) {
        self.failed.add(targets.len() as u64);
        if self.pending() == 0 {
            // Once, not for each of possibly thousands a second.
            event!(warn, "invalidations have failed, and are retried until they succeed");
        }
        let given_up = self.retries.add(targets);
        if given_up > 0 {
            event!(error, count = given_up, "too many failed invalidations: some are given up");
        }
        self.see_to_it();
    }

    /// Starts to retry, unless somebody does. Without a runtime that has timers, it waits for the next call.
    fn see_to_it(self: &Arc<Self>) {
        if let Ok(runtime) = Handle::try_current()
            && has_timers()
            && let Some(worker) = Retries::worker(&self.retries)
        {
            runtime.spawn(work(worker, Arc::downgrade(self)));
        }
    }

    /// Removes targets in order, taking out of the list what is done.
    async fn remove(&self, targets: &mut Vec<Target>) -> Result<(), Error> {
        while !targets.is_empty() {
            let batch = targets.len().min(BATCH);
            let keys: Vec<_> = targets[..batch].iter().flat_map(Target::keys).cloned().collect();
            Budget::new(self.budget).run(&*self.store, self.store.delete(&keys)).await?;
            targets.drain(..batch);
        }
        Ok(())
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
async fn work(worker: Worker, invalidator: Weak<Invalidator>) {
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

/// What protects a write, and ends unless it is renewed.
trait Renewed {
    fn life(&self) -> Duration;
    fn renew(&self) -> impl Future<Output = ()> + Send;
}

/// Runs a write, and renews what protects it as long as it takes.
async fn while_renewing<F: Future>(all: &[impl Renewed], write: F) -> F::Output {
    if !has_timers() {
        // Then nothing could be asked of the store either.
        return write.await;
    }
    let renewals = pin!(async {
        let Some(shortest) = all.iter().map(Renewed::life).min() else {
            return std::future::pending::<Infallible>().await;
        };
        loop {
            tokio::time::sleep((shortest / 3).max(LEAST_PAUSE)).await;
            for one in all {
                one.renew().await;
            }
        }
    });
    tokio::select! {
        biased;
        written = write => written,
        Some(never) = timed(renewals) => match never {},
    }
}
