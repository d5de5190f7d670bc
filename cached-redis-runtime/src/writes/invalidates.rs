//! What a write makes outdated: `#[invalidates]` gathers it, and removes it after the write.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::invalidate::{Invalidate, InvalidateAll};
use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::group::TagText;
use crate::invalidation::{Fence, Target};
use crate::loss::Loss;
use crate::renewal::while_renewing;
use crate::scope::Handle;

const UNCOMMITTED: &str = "a write with `in_transaction = \"after_commit\"` ran outside `cached_redis::transaction(…)`, so \
    its entries were removed before the commit, and a load in between may have stored the old rows again. Run everything \
    from `begin` to `commit` in one; tasks that are spawned inside it need one of their own";

/// The entries that a write makes outdated, gathered by generated code and sent after it.
///
/// Dropped without being sent or forgotten, because the write was cancelled or panicked at an
/// unknown point, it invalidates in the background: that costs a miss at most. A fence is left to
/// end by itself then, for what was cancelled may yet be committed.
#[derive(Debug, Default)]
#[must_use = "`send` or `forget`"]
pub struct Writes {
    targets: Vec<(Cache, Target)>,
    failure: Option<Error>,
    fences: Vec<Arc<Fence>>,
}

impl Writes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one entry, or those of a batch.
    #[expect(clippy::needless_pass_by_value, reason = "a future that nobody awaits any more")]
    pub fn entry(&mut self, entry: Invalidate) {
        for target in entry.targets() {
            match target {
                Ok((cache, target)) => self.targets.push((cache.into_owned(), target)),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Adds all entries of a function.
    #[expect(clippy::needless_pass_by_value, reason = "a future that nobody awaits any more")]
    pub fn all(&mut self, all: InvalidateAll) {
        let (cache, target) = all.target();
        self.targets.push((cache.into_owned(), target));
    }

    /// Adds all entries that carry a tag, if there is one. One that could not be made is a failure, and no entry carries it.
    pub fn tag(&mut self, cache: Handle, tag: &TagText) {
        match cache.core().named(tag) {
            Ok(None) => {}
            Ok(Some(target)) => self.targets.push((cache.into_owned(), target)),
            Err(error) => {
                let advice = "a tag that a write invalidates could not be made: the `Display` or `Serialize` of a value in it \
                     fails or panics";
                cache.core().losses.report(Loss::NoKey, None, advice);
                cache.core().invalidator.count_failure();
                self.failure = Some(error.into());
            }
        }
    }

    /// Removes them, and keeps anything from being stored there until they are sent or forgotten, or
    /// for `life` after this process has died.
    ///
    /// # Errors
    ///
    /// If the cache fails. Then there is no fence: what a crash leaves behind is bounded by the TTL.
    pub async fn hold(&mut self, life: Duration) -> Result<(), Error> {
        let mut result = self.failure.take().map_or(Ok(()), Err);
        for (cache, batch) in by_cache(&self.targets) {
            let core = cache.core();
            let (id, life) = (core.flights.nonce(), life.min(core.settings.max_ttl));
            let fence = Arc::new(Fence::new(&core.invalidator, id, &batch, life));
            if let Err(error) = fence.plant().await {
                if error.kind() == ErrorKind::Server {
                    // It may still delete, which is worth something. One that does not answer is
                    // not to cost the write another budget: it is asked again after it.
                    let _ = core.invalidator.invalidate_all(batch).await;
                }
                result = Err(error);
            }
            // Also then: it may have been planted and the answer lost.
            self.fences.push(fence);
        }
        result
    }

    /// Runs the write, and keeps the fences standing as long as it takes.
    pub async fn holding<F: Future>(&self, write: F) -> F::Output {
        while_renewing(&self.fences, write).await
    }

    /// Removes them, and lifts the fences.
    ///
    /// # Errors
    ///
    /// If the cache fails; the invalidations are retried in the background.
    pub async fn send(mut self) -> Result<(), Error> {
        let mut result = self.failure.take().map_or(Ok(()), Err);
        if let Err(error) = self.lift().await
            && error.kind() != ErrorKind::Server
        {
            // It does not answer, and would not answer a second time: what is left is retried.
            return Err(error);
        }
        while let Some((cache, batch)) = by_cache(&self.targets).into_iter().next() {
            self.targets.retain(|(other, _)| !Arc::ptr_eq(cache.core(), other.core()));
            let sent = cache.core().invalidator.invalidate_all(batch).await;
            result = result.and(sent);
        }
        result
    }

    /// The write has failed, and may have been committed all the same: the fences end by themselves.
    pub fn in_doubt(&mut self) {
        self.fences.clear();
    }

    /// The write has failed: nothing is outdated.
    pub async fn forget(mut self) {
        // A fence that could not be lifted ends by itself.
        let _ = self.lift().await;
        self.targets.clear();
    }

    pub(super) fn fences(&self) -> impl Iterator<Item = &Arc<Fence>> {
        self.fences.iter()
    }

    /// Takes over what is in another.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        self.targets.append(&mut other.targets);
        self.fences.append(&mut other.fences);
    }

    /// The same targets once more, and the fences, which are not these writes' any more.
    pub(super) fn handed_on(&mut self) -> Self {
        let fences = std::mem::take(&mut self.fences);
        Self { targets: self.targets.clone(), failure: None, fences }
    }

    /// No transaction is there to remove them after its commit.
    pub(super) fn report_uncommitted(&self) {
        for (cache, target) in &self.targets {
            cache.core().losses.report(Loss::Uncommitted, target.function, UNCOMMITTED);
        }
    }

    /// Lifts the fences, and takes out what has thereby been removed. Where that fails, a fence ends by
    /// itself.
    async fn lift(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        while let Some(fence) = self.fences.pop() {
            match fence.lift().await {
                Ok(()) => {
                    let is_done = fence.covers();
                    self.targets.retain(|(cache, target)| {
                        !(fence.is_of(&cache.core().invalidator) && is_done(target))
                    });
                }
                Err(error) => result = Err(error),
            }
        }
        result
    }
}

/// Targets without repetition, by the cache that they are in: nearly always one.
fn by_cache(targets: &[(Cache, Target)]) -> Vec<(Cache, Vec<Target>)> {
    let mut batches: Vec<(Cache, Vec<Target>)> = Vec::new();
    let mut known = HashSet::with_capacity(targets.len());
    for (cache, target) in targets {
        if !known.insert((Arc::as_ptr(cache.core()), target)) {
            continue;
        }
        let same = |(other, _): &&mut (Cache, _)| Arc::ptr_eq(cache.core(), other.core());
        match batches.iter_mut().find(same) {
            Some((_, batch)) => batch.push(target.clone()),
            None => batches.push((cache.clone(), vec![target.clone()])),
        }
    }
    batches
}

impl Drop for Writes {
    fn drop(&mut self) {
        for (cache, target) in self.targets.drain(..) {
            cache.core().invalidator.retry(vec![target]);
        }
    }
}
