//! What `f_invalidate(..)` and `f_invalidate_all()` return: futures that find their cache when they
//! are first polled, and targets of `#[invalidates(..)]`.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::function::Function;
use crate::invalidation::Target;
use crate::key::Key;
use crate::scope::{Choice, Handle};

/// Removes one entry of a function, or those of the ids of a batch, in one command; `f_invalidate(..)` makes it. A future
/// of `Result<(), Error>`.
///
/// It acts on the cache that is in use where it is awaited. After it has returned `Ok`, no load that
/// began earlier can be stored, and no call that starts later gets an older value. If it fails, it is
/// retried in the background.
#[must_use = "futures do nothing unless awaited"]
pub struct Invalidate {
    entries: Vec<Doomed>,
    sending: Sending,
}

/// An entry that is to be removed.
struct Doomed {
    function: &'static Function,
    key: Key,
    choice: Choice,
}

/// Removes all entries of a function; `f_invalidate_all()` makes it. A future of
/// `Result<(), Error>`.
///
/// One command, however many entries there are: it deletes the number that they all carry. It acts on
/// the cache that is in use where it is awaited. Loads that are under way then can no longer be stored
/// once it has returned `Ok`.
#[must_use = "futures do nothing unless awaited"]
pub struct InvalidateAll {
    function: &'static Function,
    choice: Choice,
    sending: Sending,
}

impl Invalidate {
    /// The entry of `function` with this key.
    pub fn new(function: &'static Function, key: Key, cache: impl Into<Choice>) -> Self {
        let doomed = Doomed { function, key, choice: cache.into() };
        Self { entries: vec![doomed], sending: Sending::default() }
    }

    /// All of these entries.
    pub fn each(all: impl Iterator<Item = Self>) -> Self {
        Self { entries: all.flat_map(|one| one.entries).collect(), sending: Sending::default() }
    }

    /// What to remove, and from which cache.
    pub(super) fn targets(&self) -> impl Iterator<Item = Result<(Handle, Target), Error>> {
        self.entries.iter().map(Doomed::target)
    }
}

impl Doomed {
    fn target(&self) -> Result<(Handle, Target), Error> {
        let cache = self.choice.cache();
        let key = cache.core().key(self.function, &self.key)?;
        Ok((cache, Target::of(self.function, key)))
    }
}

impl InvalidateAll {
    /// All entries of `function`.
    pub fn new(function: &'static Function, cache: impl Into<Choice>) -> Self {
        Self { function, choice: cache.into(), sending: Sending::default() }
    }

    /// What to remove, and from which cache.
    pub(super) fn target(&self) -> (Handle, Target) {
        let cache = self.choice.cache();
        let target = cache.core().function(self.function);
        (cache, target)
    }
}

/// Nothing is sent, and no cache chosen, before the first poll.
#[derive(Default)]
struct Sending(Option<Pin<Box<dyn Future<Output = Sent> + Send>>>);

type Sent = Result<(), Error>;

impl Sending {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        targets: impl FnOnce() -> (Vec<(Handle, Target)>, Result<(), Error>),
    ) -> Poll<Result<(), Error>> {
        let sending = self.0.get_or_insert_with(|| {
            let (targets, without_key) = targets();
            Box::pin(async { remove(targets).await.and(without_key) })
        });
        sending.as_mut().poll(context)
    }
}

/// Each cache with one command; nearly always there is one.
async fn remove(mut targets: Vec<(Handle, Target)>) -> Result<(), Error> {
    let mut result = Ok(());
    while let Some((cache, _)) = targets.first() {
        let cache = cache.clone();
        let is_there = |(other, _): &mut (Handle, Target)| Arc::ptr_eq(other.core(), cache.core());
        let batch = targets.extract_if(.., is_there).map(|(_, target)| target).collect();
        let sent = cache.core().invalidator.invalidate_all(batch).await;
        result = result.and(sent);
    }
    result
}

impl Future for Invalidate {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut sending = std::mem::take(&mut self.sending);
        let poll = sending.poll(context, || {
            let mut without_key = Ok(());
            let targets = self.targets().filter_map(|target| match target {
                Ok(target) => Some(target),
                Err(error) => {
                    without_key = Err(error);
                    None
                }
            });
            (targets.collect(), without_key)
        });
        self.sending = sending;
        poll
    }
}

impl Future for InvalidateAll {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut sending = std::mem::take(&mut self.sending);
        let poll = sending.poll(context, || (vec![self.target()], Ok(())));
        self.sending = sending;
        poll
    }
}

// Not the key: a readable one shows arguments.
impl fmt::Debug for Invalidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Invalidate")
            .field("function", &self.entries.first().map(|doomed| doomed.function))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InvalidateAll {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InvalidateAll").field("function", self.function).finish()
    }
}
