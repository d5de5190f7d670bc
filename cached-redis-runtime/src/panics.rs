//! What may panic, and must not end a call.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Runs what is not ours, and would not run without a cache: how the user's values are written and read, closures of
/// options, timers. `None` if it panics: the function answers all the same. Nothing of ours is half done then.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    let mut call = Some(call);
    let mut returned = None;
    catch(&mut || returned = call.take().map(|call| call()));
    returned
}

/// Behind a pointer, so that what catching takes is compiled once, and not for each function.
fn catch(call: &mut dyn FnMut()) {
    let _ = catch_unwind(AssertUnwindSafe(call));
}

/// As [`guarded`], but compiled into its caller: for hits that take nanoseconds.
pub(crate) fn guarded_here<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// Runs a future, and hands over the panic that it may end with. It is not polled again after it.
///
/// Takes what is pinned: by value it would be in the caller's future twice.
pub(crate) fn catch_panic<F: Future + Unpin>(
    mut future: F,
) -> impl Future<Output = Result<F::Output, Panic>> {
    poll_fn(move |context| {
        let poll = AssertUnwindSafe(|| Pin::new(&mut future).poll(context));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
}
