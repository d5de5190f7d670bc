//! What `cache_if` and `absent` make of a return type.

use std::fmt;

use super::return_type::{Fallible, FallibleOptional};
use super::{Outcome, View};
use crate::panics::guarded;

/// `cache_if = |v| …`
#[derive(Clone)]
pub struct CacheIf<O, F> {
    outcome: O,
    wanted: F,
}

impl<O: fmt::Debug, F> fmt::Debug for CacheIf<O, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CacheIf").field(&self.outcome).finish()
    }
}

/// Keeps only the values for which `wanted` holds. Absences are governed by `negative_ttl`.
pub fn cache_if<O, F>(outcome: O, wanted: F) -> CacheIf<O, F>
where
    O: Outcome,
    F: Fn(&O::Value) -> bool,
{
    CacheIf { outcome, wanted }
}

impl<O, F> Outcome for CacheIf<O, F>
where
    O: Outcome,
    F: Fn(&O::Value) -> bool,
{
    type Return = O::Return;
    type Value = O::Value;
    type Codec = O::Codec;

    fn view<'a>(&self, returned: &'a O::Return) -> View<'a, O::Value> {
        match self.outcome.view(returned) {
            View::Value(value) if !(self.wanted)(value) => View::Unwanted,
            view => view,
        }
    }

    fn present(&self, value: O::Value) -> O::Return {
        self.outcome.present(value)
    }

    fn absent(&self) -> Option<O::Return> {
        self.outcome.absent()
    }
}

/// Return types with an error: `Result` in either meaning.
#[diagnostic::on_unimplemented(
    message = "`absent` needs a function that returns a `Result`",
    label = "no error here that could mean an absence",
    note = "remove `absent`; a function that returns `Option<T>` has its absences kept already"
)]
pub trait HasError: Outcome {
    /// The function's error.
    type Error;
    /// The outcome itself: see [`fallible`].
    type Itself;
    /// The outcome itself.
    fn itself(self) -> Self::Itself;
    /// The error, if `returned` is one.
    fn error<'a>(&self, returned: &'a Self::Return) -> Option<&'a Self::Error>;
    /// An error as the function would return it.
    fn fail(&self, error: Self::Error) -> Self::Return;
}

impl<T, E> HasError for Fallible<T, E> {
    type Error = E;
    type Itself = Self;

    fn itself(self) -> Self {
        self
    }

    fn error<'a>(&self, returned: &'a Result<T, E>) -> Option<&'a E> {
        returned.as_ref().err()
    }

    fn fail(&self, error: E) -> Result<T, E> {
        Err(error)
    }
}

impl<T, E> HasError for FallibleOptional<T, E> {
    type Error = E;
    type Itself = Self;

    fn itself(self) -> Self {
        self
    }

    fn error<'a>(&self, returned: &'a Result<Option<T>, E>) -> Option<&'a E> {
        returned.as_ref().err()
    }

    fn fail(&self, error: E) -> Result<Option<T>, E> {
        Err(error)
    }
}

/// The outcome as it is, if it has an error: asked here, so that it is reported once.
pub fn fallible<O: HasError>(outcome: O) -> O::Itself {
    outcome.itself()
}

/// The error that stands for a cached absence: the function's error type is built `From` it when
/// an absence that `absent = |e| …` kept is served.
///
/// It is a [`std::error::Error`], so `anyhow::Error` and `Box<dyn Error>` convert as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absent {}

impl fmt::Display for Absent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not found")
    }
}

impl std::error::Error for Absent {}

/// An error type that can be rebuilt from a cached absence.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be rebuilt from a cached absence",
    label = "not `From<cached_redis::Absent>`",
    note = "implement `From<cached_redis::Absent>` for it, or name the error itself: `absent = {Self}::NotFound`"
)]
pub trait FromAbsent {
    #[doc(hidden)]
    fn from_absent() -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Absent>> FromAbsent for E {
    fn from_absent() -> Self {
        Absent {}.into()
    }
}

/// `absent = …`
#[derive(Clone)]
pub struct AbsentErrors<O, F, G> {
    outcome: O,
    is_absent: F,
    rebuild: G,
}

impl<O: fmt::Debug, F, G> fmt::Debug for AbsentErrors<O, F, G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AbsentErrors").field(&self.outcome).finish()
    }
}

/// `absent = |e| …`: errors for which it holds are kept as absences, rebuilt `From<Absent>`.
pub fn absent<O, F>(outcome: O, is_absent: F) -> AbsentErrors<O, F, fn() -> <O as HasError>::Error>
where
    O: HasError,
    O::Error: FromAbsent,
    F: Fn(&O::Error) -> bool,
{
    AbsentErrors { outcome, is_absent, rebuild: O::Error::from_absent }
}

/// `absent = Error::NotFound`: that error is kept as an absence, rebuilt by the same expression.
pub fn absent_as<O, F, G>(outcome: O, is_absent: F, rebuild: G) -> AbsentErrors<O, F, G>
where
    O: HasError,
    F: Fn(&O::Error) -> bool,
    G: Fn() -> O::Error,
{
    AbsentErrors { outcome, is_absent, rebuild }
}

impl<O, F, G> Outcome for AbsentErrors<O, F, G>
where
    O: HasError,
    F: Fn(&O::Error) -> bool,
    G: Fn() -> O::Error,
{
    type Return = O::Return;
    type Value = O::Value;
    type Codec = O::Codec;

    fn view<'a>(&self, returned: &'a O::Return) -> View<'a, O::Value> {
        match self.outcome.error(returned) {
            // Where it panics, nobody says that it is one: the function has failed.
            Some(error) if guarded(|| (self.is_absent)(error)) == Some(true) => View::Absent,
            _ => match self.outcome.view(returned) {
                // `Ok(None)`: a stored absence comes back as the error.
                View::Absent => View::Unwanted,
                view => view,
            },
        }
    }

    fn present(&self, value: O::Value) -> O::Return {
        self.outcome.present(value)
    }

    fn absent(&self) -> Option<O::Return> {
        Some(self.outcome.fail((self.rebuild)()))
    }
}
