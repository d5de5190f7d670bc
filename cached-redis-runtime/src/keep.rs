//! Borrowed arguments that a load takes along when it goes on behind the answer.

/// A reference behind which something can be cloned, to outlive the call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for a load behind the answer",
    label = "cannot be cloned into something that is `Send` and `'static`",
    note = "with `stale`, `early` or `soft_timeout` a load may outlive its call: derive `Clone` for `{Self}`, or take it as `Arc<{Self}>` by value"
)]
pub trait Keep {
    /// What is kept.
    type Owned: std::borrow::Borrow<Self> + Send + 'static;
    /// Clones it.
    fn to_kept(&self) -> Self::Owned;
}

#[diagnostic::do_not_recommend]
impl<T> Keep for T
where
    T: ToOwned + ?Sized,
    T::Owned: Send + 'static,
{
    type Owned = T::Owned;

    fn to_kept(&self) -> T::Owned {
        self.to_owned()
    }
}

/// What was kept of a reference.
pub struct Kept<T: Keep + ?Sized>(T::Owned);

impl<T: Keep + ?Sized> std::fmt::Debug for Kept<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the argument: it may be a secret.
        formatter.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// Keeps what is behind a reference.
pub fn keep<T: Keep + ?Sized>(reference: &T) -> Kept<T> {
    Kept(reference.to_kept())
}

impl<T: Keep + ?Sized> Kept<T> {
    /// The reference again.
    pub fn lend(&self) -> &T {
        std::borrow::Borrow::borrow(&self.0)
    }
}
