//! Invalidations: now, after a write, and again until they have succeeded.

mod helpers;
mod outbox;
mod retries;
mod update;
mod writes;

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::budget::{has_timers, timed};
use crate::cache::Settings;
use crate::counter::Counter;
use crate::error::Error;
use crate::function::Function;
use crate::group::{self, Stamp};
use crate::loss::{Loss, Losses};
use crate::session::{Session, Sessions};
use crate::telemetry::event;
pub use helpers::{Invalidate, InvalidateAll};
pub use outbox::Invalidations;
use retries::{Retries, Worker};
pub use update::{Update, Updates};
pub use writes::{Returned, ReturnedPlain, ReturnedResult, Writes};

/// Keys per command: a delete of many thousands would hold the server up.
const BATCH: usize = 500;

/// Between renewals of a fence or a lease.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Between retries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What to do where the server refuses to remove something.
const REFUSED: &str = "the server refuses to remove entries, so others may go on reading old ones: let this \
                       user run UNLINK, EVAL and EVALSHA on all keys of the namespace (operating.md, Rights)";
/// What to do where more invalidations fail than are kept.
const TOO_MANY: &str = "more have failed than are kept to be retried (`Stats::dropped_invalidations` counts them). Remove \
    what they concern with `f_invalidate_all()` once the server answers, and raise \
    `CacheBuilder::max_pending_invalidations` if this can happen again";

/// What is to be removed: an entry, or the generation of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) key: String,
    /// The generation of a tag's class, which must not go later than the tag's own.
    pub(crate) class: Option<String>,
    /// Whose entries these are, where that is known: for what is said when the server refuses.
    pub(crate) function: Option<(&'static str, &'static str)>,
}

/// A moment before something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before(u64);

/// Removes entries of one store.
pub(crate) struct Invalidator {
    sessions: Sessions,
    namespace: String,
    retries: Arc<Retries>,
    failed: Counter,
    losses: Arc<Losses>,
}

impl Target {
    pub(crate) fn new(key: String) -> Self {
        Self { key, class: None, function: None }
    }

    /// Entries of this function.
    pub(crate) fn of(function: &Function, key: String) -> Self {
        Self { function: Some((function.prefix(), function.name())), ..Self::new(key) }
    }

    /// Its keys, in the order in which they are to go.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.class.iter().chain([&self.key])
    }
}

impl Invalidator {
    pub(crate) fn new(sessions: Sessions, settings: &Settings, losses: Arc<Losses>) -> Self {
        // The load of an entry may have begun long before, and waited for as long as anybody waits.
        let longest = settings.max_ttl.saturating_mul(2);
        Self {
            sessions,
            namespace: settings.namespace.clone(),
            retries: Arc::new(Retries::new(settings.max_pending_invalidations, longest)),
            failed: Counter::default(),
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

    /// How many did not succeed at once.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.get()
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
