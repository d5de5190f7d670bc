//! What a write makes outdated.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{BATCH, Invalidate, InvalidateAll, Renewed, Target, while_renewing};
use crate::cache::{Cache, Core};
use crate::current::Handle;
use crate::error::{Error, ErrorKind};
use crate::group::TagText;
use crate::lease::FenceId;
use crate::loss::Loss;

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
    fences: Vec<Fence>,
}

/// What to do about writes without a guard.
const UNGUARDED: &str = "If the process dies between the commit and the invalidation, old values may stay until their \
    `ttl` ends; write `strict` where the write is to be refused instead";

/// A shorter fence would have to be renewed all the time.
const LEAST_FENCE: Duration = Duration::from_millis(100);

/// A fence around the entries of one cache.
#[derive(Debug)]
struct Fence {
    core: Arc<Core>,
    id: FenceId,
    keys: Vec<String>,
    life: Duration,
}

impl Writes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one entry.
    #[expect(clippy::needless_pass_by_value, reason = "a future that nobody awaits any more")]
    pub fn entry(&mut self, entry: Invalidate) {
        match entry.target() {
            Ok((cache, target)) => self.targets.push((cache.into_owned(), target)),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Adds all entries of a function.
    #[expect(clippy::needless_pass_by_value, reason = "a future that nobody awaits any more")]
    pub fn all(&mut self, all: InvalidateAll) {
        let (cache, target) = all.target();
        self.targets.push((cache.into_owned(), target));
    }

    /// Adds all entries that carry a tag. One that could not be made is a failure, and no entry carries it.
    pub fn tag(&mut self, cache: Handle, tag: &TagText) {
        match tag.text() {
            Ok(tag) => {
                let target = cache.core().tag(tag);
                self.targets.push((cache.into_owned(), target));
            }
            Err(error) => {
                let advice =
                    "a tag that a write invalidates has no text: its `Display` fails or panics";
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
            let core = Arc::clone(cache.core());
            let keys = batch.iter().flat_map(Target::keys).cloned().collect();
            let life = life.clamp(LEAST_FENCE, core.settings.max_ttl.max(LEAST_FENCE));
            let fence = Fence { id: core.flights.nonce(), core, keys, life };
            let planted = fence.plant().await;
            if let Err(error) = planted {
                fence.core.failed_fences.increment();
                fence.core.losses.report_with(Loss::Unguarded, None, || {
                    format!("a guard could not be planted: {error}. {UNGUARDED}")
                });
                if error.kind() == ErrorKind::Server {
                    // It may still delete, which is worth something. One that does not answer is
                    // not to cost the write another budget: it is asked again after it.
                    let _ = fence.core.invalidator.invalidate_all(batch).await;
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

    /// Lifts the fences, and takes out what has thereby been removed. Where that fails, a fence ends by
    /// itself.
    async fn lift(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        while let Some(fence) = self.fences.pop() {
            match fence.lift().await {
                Ok(()) => {
                    let lifted: HashSet<&String> = fence.keys.iter().collect();
                    let is_done = |target: &Target| target.keys().all(|key| lifted.contains(key));
                    self.targets.retain(|(cache, target)| {
                        !(Arc::ptr_eq(cache.core(), &fence.core) && is_done(target))
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

impl Fence {
    /// Also to renew it.
    async fn plant(&self) -> Result<(), Error> {
        for keys in self.keys.chunks(BATCH) {
            self.core.sessions.begin().hold(keys, self.id, self.life).await?;
        }
        Ok(())
    }

    async fn lift(&self) -> Result<(), Error> {
        for keys in self.keys.chunks(BATCH) {
            self.core.sessions.begin().lift(keys, self.id).await?;
        }
        Ok(())
    }
}

impl Renewed for Fence {
    fn life(&self) -> Duration {
        self.life
    }

    async fn renew(&self) {
        if let Err(error) = self.plant().await {
            let detail = || format!("a guard could not be renewed: {error}. {UNGUARDED}");
            self.core.losses.report_with(Loss::Unguarded, None, detail);
        }
    }
}

impl Drop for Writes {
    fn drop(&mut self) {
        for (cache, target) in self.targets.drain(..) {
            cache.core().invalidator.retry(vec![target]);
        }
    }
}

/// Asks for the success value of what a write returned: `(&&Returned(&returned)).success()`.
#[derive(Debug)]
pub struct Returned<'a, R>(pub &'a R);

/// Asked first.
pub trait ReturnedResult<'a> {
    /// What the write returns on success.
    type Success;
    /// The value, unless the write failed.
    fn success(&self) -> Option<&'a Self::Success>;
}

impl<'a, T, E> ReturnedResult<'a> for &Returned<'a, Result<T, E>> {
    type Success = T;
    fn success(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

/// Asked last: whatever is not a `Result` is a success.
pub trait ReturnedPlain<'a> {
    /// What the write returns.
    type Success;
    /// The value.
    fn success(&self) -> Option<&'a Self::Success>;
}

impl<'a, T> ReturnedPlain<'a> for Returned<'a, T> {
    type Success = T;
    fn success(&self) -> Option<&'a T> {
        Some(self.0)
    }
}
