//! What generated code calls. Not for people, and not covered by semantic versioning: the macros
//! and the runtime are released together.

use std::pin::Pin;

pub use crate::batch::{
    Again, Argument, Batch, BatchReturn, ByKey, ByReturn, KeyFor, Keys, List, MemberOf, Shape,
    Taken, again, argument, batch, by_key, by_return, keys, member_outcome, owned_keys,
};
pub use crate::call::Call;
#[cfg(feature = "local")]
pub use crate::call::{
    CanBeCopied, CannotBeCopied, Copies, HasCopies, HasNoCopies, Local, LocalCall, LocalValue,
    copied_entry, local, local_call,
};
pub use crate::database_handle::{is_given_transaction, may_be_transaction};
pub use crate::function::{Function, Scope, scope};
pub use crate::group::{IntoTag, OptionalPart, Part, PlainPart, Tag, TagPart, TagText, TypedTag};
pub use crate::key::{HashedPart, Key, KeyBuilder, Placeholder, ReadablePart, TemplateBuilder};
#[cfg(feature = "local")]
pub use crate::key::{KeyBytes, LocalKey};
pub use crate::outcome::{
    CanBeCompared, CanBeStored, CannotBeStored, Optional, Outcome, ReturnType,
    ReturnTypeFallibleOptional, ReturnTypeOneLayer, ReturnTypePlain, Stored, absent, absent_as,
    cache_if, coded, fallible, tags, ttl_with,
};
pub use crate::owned_argument::{OwnedArgument, own_argument};
#[cfg(feature = "messagepack")]
pub use crate::payload::codec::MessagePack;
#[cfg(feature = "postcard")]
pub use crate::payload::codec::Postcard;
pub use crate::payload::codec::{Json, ValueCodec};
pub use crate::policy::{IntoDuration, Policy};
pub use crate::record::Compression;
pub use crate::scope::{CacheRef, Choice, Handle, current};
pub use crate::writes::{
    BorrowedMembers, ClonedMembers, Invalidate, InvalidateAll, Iterated, Returned, ReturnedPlain,
    ReturnedResult, Update, Updates, Writes,
};

/// Everything that generated code calls methods of, brought into scope without its name.
pub mod traits {
    pub use super::{
        BorrowedMembers as _, CanBeCompared as _, CanBeStored as _, CannotBeStored as _,
        ClonedMembers as _, HashedPart as _, OptionalPart as _, PlainPart as _, ReadablePart as _,
        ReturnTypeFallibleOptional as _, ReturnTypeOneLayer as _, ReturnTypePlain as _,
        ReturnedPlain as _, ReturnedResult as _,
    };
    #[cfg(feature = "local")]
    pub use super::{CanBeCopied as _, CannotBeCopied as _};
}

/// A [`Function`] that has no other name than its own.
#[must_use]
pub const fn function(
    prefix: &'static str,
    ident: &'static str,
    key_shape: &'static str,
) -> Function {
    Function::new(prefix, ident, ident, key_shape)
}

/// A [`Call`] in one line of generated code.
#[must_use]
pub fn call<C>(function: &'static Function, key: Key, policy: Policy, cache: C) -> Call<C> {
    Call::new(function, key, policy, cache)
}

/// What a function with `#[invalidates(.., strict)]` returns.
#[diagnostic::on_unimplemented(
    message = "`strict` returns a failed invalidation, so the function must return a `Result`",
    label = "the function returns `{Self}`",
    note = "return `Result<{Self}, E>`, where `E` is `From<cached_redis::Error>`, or remove `strict`: a failed invalidation is counted, and retried in the background"
)]
pub trait CanFail {
    /// Its error.
    type Error;
    /// An error as the function returns it.
    fn fail(error: Self::Error) -> Self;
}

impl<T, E> CanFail for Result<T, E> {
    type Error = E;

    fn fail(error: E) -> Self {
        Err(error)
    }
}

/// The failure as the function returns it.
pub fn failed<R: CanFail>(error: crate::Error) -> R
where
    R::Error: FromFailure,
{
    R::fail(FromFailure::from_failure(error))
}

/// The error of a function with `#[invalidates(.., strict)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for a failed invalidation",
    label = "not `From<cached_redis::Error>`",
    note = "`strict` makes the function return the failure: implement `From<cached_redis::Error>` for `{Self}`, or remove `strict`"
)]
pub trait FromFailure {
    /// The failure as an error of the function.
    fn from_failure(error: crate::Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<crate::Error>> FromFailure for E {
    fn from_failure(error: crate::Error) -> Self {
        error.into()
    }
}

/// An argument of a target of `#[invalidates(..)]` that has to outlive the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept while the body runs",
    label = "not `Clone`",
    note = "an argument of a target is cloned, because the body may consume it: pass a reference (`&product`) or the part that is needed (`product.id`), or derive `Clone`"
)]
pub trait Owned {
    /// Unknown where the bound fails, which keeps the compiler from reporting what follows from it.
    type Itself;
    /// A clone.
    fn owned(&self) -> Self::Itself;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Owned for T {
    type Itself = T;

    fn owned(&self) -> T {
        self.clone()
    }
}

/// A clone.
pub fn owned<T: Owned>(value: &T) -> T::Itself {
    value.owned()
}

/// A load that can go on in the background. Asked for what that takes here and nowhere else, so that
/// the compiler says once what is missing. It shows the line of the bound: a function that calls itself
/// gets an error that says nothing of how to go on.
pub fn boxed<F>(load: F) -> Pin<Box<dyn Future<Output = F::Output> + Send>>
where
    F: Future + Send + 'static, // recursive? Call it by a `fn` of `Pin<Box<dyn Future<..> + Send>>`
{
    Box::pin(load)
}

/// A value of any type that is never made: gives an `async` block its type where inference alone
/// would not.
///
/// # Panics
///
/// Would, if it were called; generated code stands behind `if false`.
#[expect(clippy::unreachable, reason = "never called")]
pub fn never<T>() -> T {
    unreachable!("generated code never calls this")
}
