//! Which of the four meanings a return type has.
//!
//! `T`, `Option<T>`, `Result<T, E>` and `Result<Option<T>, E>` overlap, so no trait can be
//! implemented for them all. [`ReturnType`] lets method resolution choose instead (autoref
//! specialization, after David Tolnay's "autoref-based stable specialization"), which sees through
//! aliases because it works on types and not on how they are spelled.

use std::fmt;
use std::marker::PhantomData;

use super::{Outcome, View};
use crate::payload::codec::Json;

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
    /// Asks what `R` means: `(&&&ReturnType::<R>::new()).outcome()`.
    ReturnType<R>
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

impl<R> ReturnType<R> {
    /// A question about `R`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only generated code asks")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Asked first.
pub trait ReturnTypeFallibleOptional {
    /// The answer.
    type Outcome;
    /// Answers.
    fn outcome(&self) -> Self::Outcome;
}

impl<T, E> ReturnTypeFallibleOptional for &&ReturnType<Result<Option<T>, E>> {
    type Outcome = FallibleOptional<T, E>;
    fn outcome(&self) -> Self::Outcome {
        FallibleOptional(PhantomData)
    }
}

/// Asked second.
pub trait ReturnTypeOneLayer {
    /// The answer.
    type Outcome;
    /// Answers.
    fn outcome(&self) -> Self::Outcome;
}

impl<T, E> ReturnTypeOneLayer for &ReturnType<Result<T, E>> {
    type Outcome = Fallible<T, E>;
    fn outcome(&self) -> Self::Outcome {
        Fallible(PhantomData)
    }
}

impl<T> ReturnTypeOneLayer for &ReturnType<Option<T>> {
    type Outcome = Optional<T>;
    fn outcome(&self) -> Self::Outcome {
        Optional(PhantomData)
    }
}

/// Asked last: everything else is a value.
pub trait ReturnTypePlain {
    /// The answer.
    type Outcome;
    /// Answers.
    fn outcome(&self) -> Self::Outcome;
}

impl<T> ReturnTypePlain for ReturnType<T> {
    type Outcome = Plain<T>;
    fn outcome(&self) -> Self::Outcome {
        Plain(PhantomData)
    }
}

impl<T> Outcome for Plain<T> {
    type Return = T;
    type Value = T;
    type Codec = Json;

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
    type Codec = Json;

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
    type Codec = Json;

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
    type Codec = Json;

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
