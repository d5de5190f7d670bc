//! stub
use crate::*; use crate::function::Function;
use std::{pin::Pin, task::{Context, Poll}};
/// The entries that a write makes outdated; sent after it.
#[must_use] pub struct Writes {}
impl Writes {
    /// n
    pub fn new() -> Self { Self {} }
    /// Adds one entry.
    pub fn entry<R>(&mut self, _entry: Entry<R>) {}
    /// Adds all entries of a function.
    pub fn all(&mut self, _all: InvalidateAll) {}
    /// After a success
    pub async fn send(self) -> Result<(), Error> { Ok(()) }
    /// After a failure
    pub fn forget(self) {}
}
/// future
#[must_use = "futures do nothing unless awaited"]
pub struct InvalidateAll {}
impl InvalidateAll { /// n
 pub fn new(_function: &'static Function, _cache: Cache) -> Self { Self {} } }
impl Future for InvalidateAll { type Output = Result<(), Error>; fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> { Poll::Ready(Ok(())) } }
/// Asks for the success value of what a write returned: `(&&Returned(&returned)).success()`.
pub struct Returned<'a, R>(pub &'a R);
/// Asked first.
pub trait ReturnedResult<'a> { /// t
 type Success; /// s
 fn success(&self) -> Option<&'a Self::Success>; }
impl<'a, T, E> ReturnedResult<'a> for &Returned<'a, Result<T, E>> { type Success = T; fn success(&self) -> Option<&'a T> { self.0.as_ref().ok() } }
/// Asked last.
pub trait ReturnedPlain<'a> { /// t
 type Success; /// s
 fn success(&self) -> Option<&'a Self::Success>; }
impl<'a, T> ReturnedPlain<'a> for Returned<'a, T> { type Success = T; fn success(&self) -> Option<&'a T> { Some(self.0) } }
