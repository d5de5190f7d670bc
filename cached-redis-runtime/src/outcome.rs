//! What a return type means: a value, an absence, an error.
//!
//! `T`, `Option<T>`, `Result<T, E>` and `Result<Option<T>, E>` overlap, so no trait can be
//! implemented for them all. [`Probe`] lets method resolution choose instead (autoref
//! specialization, after David Tolnay's "autoref-based stable specialization"), which sees through
//! aliases because it works on types and not on how they are spelled.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that can be kept in the cache: every `Serialize + DeserializeOwned`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in the cache",
    label = "not `serde::Serialize` and `serde::de::DeserializeOwned`",
    note = "a cached function returns `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, where `T` is owned and derives `serde::Serialize` and `serde::Deserialize`",
    note = "`Arc<T>` and `Rc<T>` need serde's feature `rc`: `cargo add serde --features rc`"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// What one returned value means to the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View<'a, T> {
    /// A value to keep.
    Value(&'a T),
    /// An absence to keep, for its own shorter time.
    Absent,
    /// An error: never kept.
    Error,
    /// A success that `cache_if` turned down.
    Unwanted,
}

/// The meaning of a return type.
pub trait Outcome {
    /// The function's return type.
    type Return;
    /// What is stored.
    type Value;

    /// What `returned` means.
    fn view<'a>(&self, returned: &'a Self::Return) -> View<'a, Self::Value>;

    /// Rebuilds what the function returned from a stored value.
    fn present(&self, value: Self::Value) -> Self::Return;

    /// Rebuilds what the function returned from a stored absence; `None` if it cannot return one.
    fn absent(&self) -> Option<Self::Return>;
}

macro_rules! meaning {
    ($(#[$doc:meta])* $name:ident<$($generic:ident),*>) => {
        $(#[$doc])*
        pub struct $name<$($generic),*>(PhantomData<fn() -> ($($generic,)*)>);

        impl<$($generic),*> Clone for $name<$($generic),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($generic),*> Copy for $name<$($generic),*> {}

        impl<$($generic),*> fmt::Debug for $name<$($generic),*> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(stringify!($name))
            }
        }
    };
}

meaning! {
    /// Asks what `R` means: `(&&&Probe::<R>::new()).outcome()`.
    Probe<R>
}
meaning! {
    /// `T`
    Plain<T>
}
meaning! {
    /// `Option<T>`
    Optional<T>
}
meaning! {
    /// `Result<T, E>`
    Fallible<T, E>
}
meaning! {
    /// `Result<Option<T>, E>`
    FallibleOptional<T, E>
}

impl<R> Probe<R> {
    /// A question about `R`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only generated code asks")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Asked first.
pub trait ProbeFallibleOptional {
    /// The answer.
    type Outcome;
    /// Answers.
    fn outcome(&self) -> Self::Outcome;
}

impl<T, E> ProbeFallibleOptional for &&Probe<Result<Option<T>, E>> {
    type Outcome = FallibleOptional<T, E>;
    fn outcome(&self) -> Self::Outcome {
        FallibleOptional(PhantomData)
    }
}

/// Asked second.
pub trait ProbeOneLayer {
    /// The answer.
    type Outcome;
    /// Answers.
    fn outcome(&self) -> Self::Outcome;
}

impl<T, E> ProbeOneLayer for &Probe<Result<T, E>> {
    type Outcome = Fallible<T, E>;
    fn outcome(&self) -> Self::Outcome {
        Fallible(PhantomData)
    }
}

impl<T> ProbeOneLayer for &Probe<Option<T>> {
    type Outcome = Optional<T>;
    fn outcome(&self) -> Self::Outcome {
        Optional(PhantomData)
    }
}

/// Asked last: everything else is a value.
pub trait ProbePlain {
    /// The answer.
    type Outcome;
    /// Answers.
    fn outcome(&self) -> Self::Outcome;
}

impl<T> ProbePlain for Probe<T> {
    type Outcome = Plain<T>;
    fn outcome(&self) -> Self::Outcome {
        Plain(PhantomData)
    }
}

impl<T> Outcome for Plain<T> {
    type Return = T;
    type Value = T;

    fn view<'a>(&self, returned: &'a T) -> View<'a, T> {
        View::Value(returned)
    }

    fn present(&self, value: T) -> T {
        value
    }

    fn absent(&self) -> Option<T> {
        None
    }
}

impl<T> Outcome for Optional<T> {
    type Return = Option<T>;
    type Value = T;

    fn view<'a>(&self, returned: &'a Option<T>) -> View<'a, T> {
        returned.as_ref().map_or(View::Absent, View::Value)
    }

    fn present(&self, value: T) -> Option<T> {
        Some(value)
    }

    fn absent(&self) -> Option<Option<T>> {
        Some(None)
    }
}

impl<T, E> Outcome for Fallible<T, E> {
    type Return = Result<T, E>;
    type Value = T;

    fn view<'a>(&self, returned: &'a Result<T, E>) -> View<'a, T> {
        returned.as_ref().map_or(View::Error, View::Value)
    }

    fn present(&self, value: T) -> Result<T, E> {
        Ok(value)
    }

    fn absent(&self) -> Option<Result<T, E>> {
        None
    }
}

impl<T, E> Outcome for FallibleOptional<T, E> {
    type Return = Result<Option<T>, E>;
    type Value = T;

    fn view<'a>(&self, returned: &'a Result<Option<T>, E>) -> View<'a, T> {
        match returned {
            Ok(Some(value)) => View::Value(value),
            Ok(None) => View::Absent,
            Err(_) => View::Error,
        }
    }

    fn present(&self, value: T) -> Result<Option<T>, E> {
        Ok(Some(value))
    }

    fn absent(&self) -> Option<Result<Option<T>, E>> {
        Some(Ok(None))
    }
}

/// Asks whether values can be stored: `(&&Stored(&outcome)).check().pass(outcome)`.
///
/// Where they cannot, the compiler says so here, and goes on with an outcome that can be used:
/// otherwise it would say so again for everything that is done with it.
#[derive(Debug)]
pub struct Stored<'a, O>(pub &'a O);

/// Asked first.
pub trait CanBeStored {
    /// They can.
    fn check(&self) -> Pass;
}

impl<O> CanBeStored for &Stored<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    fn check(&self) -> Pass {
        Pass
    }
}

/// Asked last.
pub trait CannotBeStored {
    /// What cannot be stored.
    type Value;
    /// Does not compile.
    fn check(&self) -> Refuse
    where
        Self::Value: Storable;
}

impl<O: Outcome> CannotBeStored for Stored<'_, O> {
    type Value = O::Value;

    fn check(&self) -> Refuse
    where
        O::Value: Storable,
    {
        Refuse
    }
}

/// The outcome can be used.
#[derive(Debug)]
pub struct Pass;

impl Pass {
    /// The outcome as it is.
    pub fn pass<O>(self, outcome: O) -> O {
        outcome
    }
}

/// The outcome cannot be used.
#[derive(Debug)]
pub struct Refuse;

impl Refuse {
    /// An outcome that stores nothing.
    pub fn pass<O: Outcome>(self, outcome: O) -> Refused<O> {
        Refused(outcome)
    }
}

/// What code goes on with that does not compile.
#[derive(Debug)]
pub struct Refused<O>(O);

impl<O: Outcome> Outcome for Refused<O> {
    type Return = O::Return;
    type Value = ();

    fn view<'a>(&self, _: &'a O::Return) -> View<'a, ()> {
        View::Unwanted
    }

    #[expect(clippy::unreachable, reason = "what uses it does not compile")]
    fn present(&self, (): ()) -> O::Return {
        unreachable!("what uses it does not compile")
    }

    fn absent(&self) -> Option<O::Return> {
        self.0.absent()
    }
}

/// `cache_if = |v| …`
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

    fn view<'a>(&self, returned: &'a O::Return) -> View<'a, O::Value> {
        match self.outcome.error(returned) {
            Some(error) if (self.is_absent)(error) => View::Absent,
            _ => self.outcome.view(returned),
        }
    }

    fn present(&self, value: O::Value) -> O::Return {
        self.outcome.present(value)
    }

    fn absent(&self) -> Option<O::Return> {
        Some(self.outcome.fail((self.rebuild)()))
    }
}
