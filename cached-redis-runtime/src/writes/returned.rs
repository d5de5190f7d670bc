//! What a write has returned: a success or not, whatever its type.

/// Asks for the success value of what a write returned: `(&&Returned(&returned)).success()`.
#[derive(Debug)]
pub struct Returned<'a, R>(pub &'a R);

/// Asked first.
pub trait ReturnedResult<'a> {
    /// What the write returns on success.
    type Success;
    /// The value, unless the write failed.
    fn success(&self) -> Option<&'a Self::Success>;
}

impl<'a, T, E> ReturnedResult<'a> for &Returned<'a, Result<T, E>> {
    type Success = T;
    fn success(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

/// Asked last: whatever is not a `Result` is a success.
pub trait ReturnedPlain<'a> {
    /// What the write returns.
    type Success;
    /// The value.
    fn success(&self) -> Option<&'a Self::Success>;
}

impl<'a, T> ReturnedPlain<'a> for Returned<'a, T> {
    type Success = T;
    fn success(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// What `for … in ret` goes through: `(&&Iterated(ret)).members()`.
#[derive(Debug)]
pub struct Iterated<'a, T: ?Sized>(pub &'a T);

/// Asked first: a clone of what was returned, whose members are owned.
pub trait ClonedMembers {
    /// What is gone through.
    type Members;
    /// It.
    fn members(&self) -> Self::Members;
}

impl<T: Clone + IntoIterator> ClonedMembers for &Iterated<'_, T> {
    type Members = T;
    fn members(&self) -> T {
        self.0.clone()
    }
}

/// Asked last: references, where it cannot be cloned.
pub trait BorrowedMembers<'a> {
    /// What is gone through.
    type Members;
    /// It.
    fn members(&self) -> Self::Members;
}

impl<'a, T: ?Sized> BorrowedMembers<'a> for Iterated<'a, T> {
    type Members = &'a T;
    fn members(&self) -> &'a T {
        self.0
    }
}
