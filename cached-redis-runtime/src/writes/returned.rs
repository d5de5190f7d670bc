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
