//! The ids of a batch: what a function can take them as, and how they become the arguments of another function.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, Hash};

/// What the parameter that `each(..)` names can be: a slice, a `Vec`, a `HashSet` or a `BTreeSet`.
#[diagnostic::on_unimplemented(
    message = "`each` does not know which ids are in a `{Self}`",
    label = "not a collection of ids",
    note = "take them as `&[K]`, `Vec<K>`, a `HashSet<K>` or `BTreeSet<K>`, or as `impl IntoIterator<Item = K>`, where `K` is `Clone`"
)]
pub trait Keys {
    /// One id.
    type Key: Clone;
    /// What the body gets in its place.
    type Owned: Borrow<Self>;

    /// The ids as they stand there.
    fn keys(&self) -> Vec<Self::Key>;

    /// Some of them.
    fn owned(keys: Vec<Self::Key>) -> Self::Owned;
}

impl<K: Clone> Keys for [K] {
    type Key = K;
    type Owned = Vec<K>;

    fn keys(&self) -> Vec<K> {
        self.to_vec()
    }

    fn owned(keys: Vec<K>) -> Vec<K> {
        keys
    }
}

impl<K: Clone> Keys for Vec<K> {
    type Key = K;
    type Owned = Self;

    fn keys(&self) -> Vec<K> {
        self.clone()
    }

    fn owned(keys: Vec<K>) -> Self {
        keys
    }
}

impl<K: Clone + Eq + Hash, S: BuildHasher + Default> Keys for HashSet<K, S> {
    type Key = K;
    type Owned = Self;

    fn keys(&self) -> Vec<K> {
        self.iter().cloned().collect()
    }

    fn owned(keys: Vec<K>) -> Self {
        keys.into_iter().collect()
    }
}

impl<K: Clone + Ord> Keys for BTreeSet<K> {
    type Key = K;
    type Owned = Self;

    fn keys(&self) -> Vec<K> {
        self.iter().cloned().collect()
    }

    fn owned(keys: Vec<K>) -> Self {
        keys.into_iter().collect()
    }
}

/// The ids of a parameter.
pub fn keys<T: Keys + ?Sized>(ids: &T) -> Vec<T::Key> {
    ids.keys()
}

/// What the body gets in the place of a parameter.
pub fn owned_keys<T: Keys + ?Sized>(keys: Vec<T::Key>) -> T::Owned {
    T::owned(keys)
}

/// An argument that the body of a batch consumes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cloned for each run of the body",
    label = "not `Clone`",
    note = "with `each` the body may run more than once, each time for some of the ids: take this by reference, or derive `Clone`"
)]
pub trait Again {
    /// Unknown where the bound fails, which keeps the compiler from reporting what follows from it.
    type Itself;
    /// A clone.
    fn again(&self) -> Self::Itself;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {
    type Itself = T;

    fn again(&self) -> T {
        self.clone()
    }
}

/// A clone for one run of the body.
pub fn again<T: Again>(argument: &T) -> T::Itself {
    argument.again()
}

/// An argument of the function that `of` names, made of one of the batch function.
#[diagnostic::on_unimplemented(
    message = "`of` names a function that takes a `{Self}` here, and the batch has a `{K}`",
    label = "expected `{Self}`, found `{K}`",
    note = "the arguments of both functions correspond, in their order, but for those that are skipped; where one function takes `id: u64`, the other takes `ids: &[u64]`"
)]
pub trait Argument<'a, K: ?Sized> {
    /// The argument.
    fn from(argument: &'a K) -> Self;
}

impl<K: Clone> Argument<'_, K> for K {
    fn from(argument: &K) -> K {
        argument.clone()
    }
}

impl<'a, K: ?Sized> Argument<'a, K> for &'a K {
    fn from(argument: &'a K) -> &'a K {
        argument
    }
}

impl<'a> Argument<'a, String> for &'a str {
    fn from(argument: &'a String) -> &'a str {
        argument
    }
}

impl<'a> Argument<'a, &str> for String {
    fn from(argument: &'a &str) -> String {
        (*argument).to_owned()
    }
}

/// An argument of another function.
pub fn argument<'a, K: ?Sized, A: Argument<'a, K>>(argument: &'a K) -> A {
    A::from(argument)
}
