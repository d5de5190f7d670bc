//! Removing entries and generations: now, and again until it has succeeded.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::retries::{FIRST_PAUSE, LONGEST_PAUSE, Retries, Worker};
use super::target::Target;
use crate::backoff::Backoff;
use crate::budget::has_timers;
use crate::counter::Counter;
use crate::error::Error;
use crate::group::{self, Stamp};
use crate::loss::{Loss, Losses};
use crate::session::{Session, Sessions};
use crate::telemetry::event;

/// Keys per command: a delete of many thousands would hold the server up.
pub(super) const BATCH: usize = 500;

/// What to do where the server refuses to remove something.
const REFUSED: &str = "the server refuses to remove entries, so others may go on reading old ones: let this \
                       user run UNLINK, EVAL and EVALSHA on all keys of the namespace (operating.md, Rights)";
/// What to do where more invalidations fail than are kept.
const TOO_MANY: &str = "more have failed than are kept to be retried (`Stats::dropped_invalidations` counts them). Remove \
    what they concern with `f_invalidate_all()` once the server answers, and raise \
    `CacheBuilder::max_pending_invalidations` if this can happen again";

/// A moment before something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before(u64);

/// Removes entries of one store.
pub(crate) struct Invalidator {
    pub(super) sessions: Sessions,
    namespace: String,
    retries: Arc<Retries>,
    done: Counter,
    failed: Counter,
    failed_fences: Counter,
    pub(super) losses: Arc<Losses>,
}

impl Invalidator {
    /// Of a cache whose entries live for `max_ttl` at most, and that keeps `max_pending` invalidations which
    /// have failed.
    pub(crate) fn new(
        sessions: Sessions,
        namespace: &str,
        max_pending: usize,
        max_ttl: Duration,
        losses: Arc<Losses>,
    ) -> Self {
        // The load of an entry may have begun long before, and waited for as long as anybody waits.
        let longest = max_ttl.saturating_mul(2);
        Self {
            sessions,
            namespace: namespace.to_owned(),
            retries: Arc::new(Retries::new(max_pending, longest)),
            done: Counter::default(),
            failed: Counter::default(),
            failed_fences: Counter::default(),
            losses,
        }
    }

    /// Removes one target. If that fails, it is retried in the background.
    pub(crate) async fn invalidate(self: &Arc<Self>, target: Target) -> Result<(), Error> {
        self.invalidate_all(vec![target]).await
    }

    /// The same within what is left of a call's budget.
    pub(crate) async fn invalidate_within(
        self: &Arc<Self>,
        target: Target,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let keys: Vec<_> = target.keys().cloned().collect();
        let mut outstanding = Outstanding::new(self, vec![target]);
        match session.delete(&keys).await {
            Ok(()) => outstanding.targets.clear(),
            Err(error) if error.is_lasting() => {
                outstanding.refused.append(&mut outstanding.targets);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Removes targets. What fails is retried in the background.
    pub(crate) async fn invalidate_all(
        self: &Arc<Self>,
        targets: Vec<Target>,
    ) -> Result<(), Error> {
        // Until it has succeeded, the guard retries them: also if this future is dropped.
        let mut outstanding = Outstanding::new(self, targets);
        let Outstanding { targets, refused, .. } = &mut outstanding;
        self.remove(targets, refused).await
    }

    /// Whether an invalidation of this entry has failed and not succeeded since. `life` is the longest that
    /// such an entry can have, if it is not renewed by hits.
    pub(crate) fn is_outstanding(
        self: &Arc<Self>,
        key: &str,
        life: impl FnOnce() -> Option<Duration>,
    ) -> bool {
        if self.pending() == 0 {
            return false;
        }
        // The runtime on which they were retried may have ended.
        self.see_to_it();
        self.retries.covers(key, life())
    }

    /// To be asked before something is read.
    pub(crate) fn before_reading(&self) -> Before {
        Before(self.retries.succeeded())
    }

    /// Whether an invalidation of an entry with these stamps has failed, and had not succeeded when
    /// the entry was read. One that has succeeded while the answer was on its way cannot be asked
    /// any more, so whatever was read then is none to rely on.
    pub(crate) fn was_outstanding(
        &self,
        before: Before,
        key: &str,
        stamps: &[u8],
        life: impl FnOnce() -> Option<Duration>,
    ) -> bool {
        let is_covered = || {
            let life = life();
            let covers_group =
                |stamp: Stamp| self.retries.covers(&stamp.group.key(&self.namespace), life);
            self.retries.covers(key, life) || group::stamps(stamps).any(covers_group)
        };
        // In this order: what is no longer waiting by now has been counted.
        self.retries.pending() != 0 && is_covered() || before != self.before_reading()
    }

    /// How many are waiting to be retried.
    pub(crate) fn pending(&self) -> u64 {
        self.retries.pending()
    }

    /// Counts one that cannot be tried, nor tried again.
    pub(crate) fn count_failure(&self) {
        self.failed.increment();
    }

    /// How many have succeeded.
    pub(crate) fn done(&self) -> u64 {
        self.done.get()
    }

    /// How many did not succeed at once.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.get()
    }

    /// Counts a fence that could not be planted.
    pub(super) fn count_failed_fence(&self) {
        self.failed_fences.increment();
    }

    /// How many fences could not be planted.
    pub(crate) fn failed_fences(&self) -> u64 {
        self.failed_fences.get()
    }

    /// How many were given up: too many were waiting, or the server refused them for too long.
    pub(crate) fn dropped(&self) -> u64 {
        self.retries.dropped()
    }

    /// How many the server has refused for good.
    pub(crate) fn refused(&self) -> u64 {
        self.retries.refused()
    }

    /// Takes invalidations over and sees to them in the background.
    pub(crate) fn retry(self: &Arc<Self>, targets: Vec<Target>) {
        self.failed.add(targets.len() as u64);
        if self.pending() == 0 {
            // Once, not for each of possibly thousands a second.
            event!(warn, "invalidations have failed, and are retried until they succeed");
        }
        self.keep(targets, false);
    }

    /// The same of those that the server refuses for good.
    fn retry_refused(self: &Arc<Self>, targets: Vec<Target>) {
        self.failed.add(targets.len() as u64);
        self.report_refused(&targets);
        self.keep(targets, true);
    }

    fn keep(self: &Arc<Self>, targets: Vec<Target>, are_refused: bool) {
        let given_up = self.retries.add(targets, are_refused);
        if given_up > 0 {
            self.losses.report(Loss::GivenUp, None, TOO_MANY);
        }
        self.see_to_it();
    }

    fn report_refused(&self, targets: &[Target]) {
        // Nearly always of one function: the others are told apart by whoever gathers reports.
        let functions: HashSet<_> = targets.iter().map(|target| target.function).collect();
        for function in functions {
            self.losses.report(Loss::Refused, function, REFUSED);
        }
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

    /// Removes targets in order. Takes out of the list what is done, and what the server refuses for good:
    /// that keeps no other from being removed.
    async fn remove(
        &self,
        targets: &mut Vec<Target>,
        refused: &mut Vec<Target>,
    ) -> Result<(), Error> {
        let mut refusal = None;
        while !targets.is_empty() {
            let batch = targets.len().min(BATCH);
            let sent = self.retries.moment();
            let answers = self.remove_batch(&targets[..batch]).await?;
            let (mut done, mut failed, mut failure) = (Vec::new(), Vec::new(), None);
            for (target, answer) in targets.drain(..batch).zip(answers) {
                match answer {
                    Ok(()) => done.push(target),
                    Err(error) if error.is_lasting() => {
                        refused.push(target);
                        refusal.get_or_insert(error);
                    }
                    Err(error) => {
                        failed.push(target);
                        failure.get_or_insert(error);
                    }
                }
            }
            self.retries.done(&done, sent);
            self.done.add(done.len() as u64);
            if let Some(failure) = failure {
                targets.splice(..0, failed);
                return Err(failure);
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// What came of each target. All in one command; if the server refuses that, each in one of its own, in one
    /// more round trip.
    async fn remove_batch(&self, batch: &[Target]) -> Result<Vec<Result<(), Error>>, Error> {
        let keys: Vec<_> = batch.iter().flat_map(Target::keys).cloned().collect();
        match self.sessions.begin().delete(&keys).await {
            Ok(()) => return Ok(vec![Ok(()); batch.len()]),
            Err(error) if !error.is_lasting() => return Err(error),
            Err(error) if batch.len() == 1 => return Ok(vec![Err(error)]),
            Err(_) => {}
        }
        let keys: Vec<Vec<_>> =
            batch.iter().map(|target| target.keys().cloned().collect()).collect();
        let answers = self.sessions.begin().delete_each(&keys).await?;
        if answers.len() == batch.len() { Ok(answers) } else { Err(Error::protocol()) }
    }
}

/// Invalidations that have not succeeded yet. What is left when it is dropped is retried.
struct Outstanding<'a> {
    invalidator: &'a Arc<Invalidator>,
    targets: Vec<Target>,
    /// Those that the server refuses for good.
    refused: Vec<Target>,
}

impl<'a> Outstanding<'a> {
    fn new(invalidator: &'a Arc<Invalidator>, targets: Vec<Target>) -> Self {
        Self { invalidator, targets, refused: Vec::new() }
    }
}

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        if !self.targets.is_empty() {
            self.invalidator.retry(std::mem::take(&mut self.targets));
        }
        if !self.refused.is_empty() {
            self.invalidator.retry_refused(std::mem::take(&mut self.refused));
        }
    }
}

/// Retries until nothing is left, or until nobody holds the cache any more: then it has no readers
/// in this process.
async fn work(worker: Worker, invalidator: Weak<Invalidator>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while !worker.is_done() {
        let Some(invalidator) = invalidator.upgrade() else { return };
        let (mut due, mut refused) = (worker.due(), Vec::new());
        let result = invalidator.remove(&mut due, &mut refused).await;
        if !refused.is_empty() {
            invalidator.report_refused(&refused);
            invalidator.retries.refuse(&refused);
        }
        drop(invalidator);
        match result {
            Err(error) if !error.is_lasting() => tokio::time::sleep(backoff.pause()).await,
            _ => {
                backoff.reset();
                worker.wait().await;
            }
        }
    }
}
