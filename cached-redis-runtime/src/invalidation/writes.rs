//! What a write makes outdated.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Target;
use crate::cache::Cache;
use crate::current::Handle;
use crate::entry::Entry;
use crate::error::Error;
use crate::function::Function;

/// The entries that a write makes outdated, gathered by generated code and sent after it.
///
/// Dropped without being sent or forgotten, because the write was cancelled or panicked at an
/// unknown point, it invalidates in the background: that costs a miss at most.
#[derive(Debug, Default)]
#[must_use = "`send` or `forget`"]
pub struct Writes {
    targets: Vec<(Cache, Target)>,
    failure: Option<Error>,
}

impl Writes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one entry.
    pub fn entry<R>(&mut self, entry: Entry<R>) {
        let (cache, key) = entry.into_target();
        match key {
            Ok(key) => self.targets.push((cache, Target::Entry(key))),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Adds all entries of a function.
    pub fn all(&mut self, all: InvalidateAll) {
        let target = all.target();
        self.targets.push((all.cache, target));
    }

    /// Removes them.
    ///
    /// # Errors
    ///
    /// If the cache fails; the invalidations are retried in the background.
    pub async fn send(mut self) -> Result<(), Error> {
        let mut result = self.failure.take().map_or(Ok(()), Err);
        while let Some((cache, first)) = self.targets.pop() {
            // Nearly always all of them: one round trip for every cache that is involved.
            let mut batch = vec![first];
            self.targets.retain(|(other, target)| {
                let same = Arc::ptr_eq(cache.core(), other.core());
                if same && !batch.contains(target) {
                    batch.push(target.clone());
                }
                !same
            });
            let sent = cache.core().invalidator.invalidate_all(batch).await;
            result = result.and(sent);
        }
        result
    }

    /// The write has failed: nothing is outdated.
    pub fn forget(mut self) {
        self.targets.clear();
    }
}

impl Drop for Writes {
    fn drop(&mut self) {
        for (cache, target) in self.targets.drain(..) {
            cache.core().invalidator.retry(vec![target]);
        }
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Removes all entries of a function; `f_invalidate_all()` makes it. A future of
/// `Result<(), Error>`.
///
/// Looks at every key of the server once, in steps of a millisecond or so (`SCAN`, never `KEYS`):
/// it takes as long as the server has keys. Loads that are under way when it is called can no
/// longer be stored once it has returned `Ok`.
#[must_use = "futures do nothing unless awaited"]
pub struct InvalidateAll {
    function: &'static Function,
    cache: Cache,
    future: Option<Sending>,
}

impl fmt::Debug for InvalidateAll {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InvalidateAll").field("function", self.function).finish()
    }
}

impl InvalidateAll {
    /// All entries of `function` in `cache`.
    pub fn new(function: &'static Function, cache: Handle) -> Self {
        Self { function, cache: cache.into_owned(), future: None }
    }

    fn target(&self) -> Target {
        Target::Family(self.cache.core().family(self.function))
    }
}

impl Future for InvalidateAll {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let target = self.target();
        let core = Arc::clone(self.cache.core());
        let future = self.future.get_or_insert_with(|| {
            Box::pin(async move { core.invalidator.invalidate_all(vec![target]).await })
        });
        future.as_mut().poll(context)
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
