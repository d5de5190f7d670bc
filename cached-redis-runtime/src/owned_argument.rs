//! Borrowed arguments that a load takes along into the background.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

/// A reference behind which something can be cloned, to outlive the call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cloned for a load in the background",
    label = "cannot be cloned into something that is `Send` and `'static`",
    note = "with `stale`, `early` or `soft_timeout` a load may outlive its call: derive `Clone` for `{Self}`, or take it as `Arc<{Self}>` by value"
)]
pub trait ToOwnedArgument {
    /// Unknown where the bound fails, which keeps the compiler from reporting what follows from it.
    type Owned;
    /// Clones it.
    fn to_owned_argument(&self) -> Self::Owned;
}

#[diagnostic::do_not_recommend]
impl<T, O> ToOwnedArgument for T
where
    T: ToOwned<Owned = O> + ?Sized,
    O: Send + 'static,
{
    type Owned = OwnedArgument<T, O>;

    fn to_owned_argument(&self) -> OwnedArgument<T, O> {
        OwnedArgument { reference: PhantomData, owned: self.to_owned() }
    }
}

/// The owned copy of what was behind a reference to `T`. Asks for nothing itself: see `ToOwnedArgument`.
pub struct OwnedArgument<T: ?Sized, O: ?Sized> {
    reference: PhantomData<fn(&T)>,
    owned: O,
}

impl<T: ?Sized, O: ?Sized> fmt::Debug for OwnedArgument<T, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the argument: it may be a secret.
        formatter.debug_struct("OwnedArgument").finish_non_exhaustive()
    }
}

/// Copies what is behind a reference. By a reference to that: otherwise the compiler would propose to
/// borrow once more, for a reference can be cloned.
pub fn own_argument<T: ToOwnedArgument + ?Sized>(reference: &&T) -> T::Owned {
    reference.to_owned_argument()
}

impl<T: ?Sized, O: Borrow<T> + ?Sized> OwnedArgument<T, O> {
    /// The reference again.
    pub fn borrowed(&self) -> &T {
        self.owned.borrow()
    }
}
