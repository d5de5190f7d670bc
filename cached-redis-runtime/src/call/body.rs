//! The body of a cached function: before it has begun, and while it runs.

use std::sync::Arc;

use super::attempt::Attempt;
use crate::loading::Context;
use crate::outcome::Outcome;

/// The body of a cached function that has not begun.
///
/// Apart from [`Body`], and without a word on what comes of it: the compiler forgets lifetimes when it
/// asks whether a future is `Send`, and could no longer tell that `Result<T, &'static str>` is what the
/// function returns.
pub(super) trait Begin: Sized {
    /// Once it has begun.
    type Running;

    fn begin(self, context: Arc<Context>) -> Self::Running;
}

/// The body of a function with this outcome.
pub(super) trait Body<O: Outcome>: Begin {
    /// Reloads, in the background, the value that was found.
    fn reload(self, attempt: Box<Attempt>, outcome: &O);

    /// Lets a load go on in the background, because its caller has an answer. Gives it back if it has to be
    /// waited for.
    fn go_on(running: Running<Self::Running>, outcome: &O) -> Result<(), Running<Self::Running>>;
}

/// A load that runs.
pub(super) struct Running<R> {
    pub(super) attempt: Box<Attempt>,
    pub(super) body: R,
}
