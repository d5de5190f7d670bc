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
pub trait Keep {
    /// Unknown where the bound fails, which keeps the compiler from reporting what follows from it.
    type Kept;
    /// Clones it.
    fn to_kept(&self) -> Self::Kept;
}

#[diagnostic::do_not_recommend]
impl<T, O> Keep for T
where
    T: ToOwned<Owned = O> + ?Sized,
    O: Send + 'static,
{
    type Kept = Kept<T, O>;

    fn to_kept(&self) -> Kept<T, O> {
        Kept { reference: PhantomData, owned: self.to_owned() }
    }
}

/// What was kept of a reference to `T`. Asks for nothing itself: see `Keep`.
pub struct Kept<T: ?Sized, O: ?Sized> {
    reference: PhantomData<fn(&T)>,
    owned: O,
}

impl<T: ?Sized, O: ?Sized> fmt::Debug for Kept<T, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the argument: it may be a secret.
        formatter.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// Keeps what is behind a reference. By a reference to that: otherwise the compiler would propose to
/// borrow once more, for a reference can be cloned.
pub fn keep<T: Keep + ?Sized>(reference: &&T) -> T::Kept {
    reference.to_kept()
}

impl<T: ?Sized, O: Borrow<T> + ?Sized> Kept<T, O> {
    /// The reference again.
    pub fn lend(&self) -> &T {
        self.owned.borrow()
    }
}
