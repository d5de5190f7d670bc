//! What `f_invalidate(..)` and `f_invalidate_all()` return: futures that find their cache when they
//! are first polled, and targets of `#[invalidates(..)]`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::function::Function;
use crate::invalidation::Target;
use crate::key::Key;
use crate::scope::{Choice, Handle};

/// Removes one entry of a function; `f_invalidate(..)` makes it. A future of `Result<(), Error>`.
///
/// It acts on the cache that is in use where it is awaited. After it has returned `Ok`, no load that
/// began earlier can be stored, and no call that starts later gets an older value. If it fails, it is
/// retried in the background.
#[must_use = "futures do nothing unless awaited"]
pub struct Invalidate {
    function: &'static Function,
    key: Key,
    choice: Choice,
    sending: Sending,
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
        Self { function, key, choice: cache.into(), sending: Sending::default() }
    }

    /// What to remove, and from which cache.
    pub(super) fn target(&self) -> Result<(Handle, Target), Error> {
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
        target: impl FnOnce() -> Result<(Handle, Target), Error>,
    ) -> Poll<Result<(), Error>> {
        let sending = self.0.get_or_insert_with(|| {
            let target = target();
            Box::pin(async {
                let (cache, target) = target?;
                cache.core().invalidator.invalidate_all(vec![target]).await
            })
        });
        sending.as_mut().poll(context)
    }
}

impl Future for Invalidate {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut sending = std::mem::take(&mut self.sending);
        let poll = sending.poll(context, || self.target());
        self.sending = sending;
        poll
    }
}

impl Future for InvalidateAll {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut sending = std::mem::take(&mut self.sending);
        let poll = sending.poll(context, || Ok(self.target()));
        self.sending = sending;
        poll
    }
}

// Not the key: a readable one shows arguments.
impl fmt::Debug for Invalidate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Invalidate")
            .field("function", self.function)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InvalidateAll {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InvalidateAll").field("function", self.function).finish()
    }
}
