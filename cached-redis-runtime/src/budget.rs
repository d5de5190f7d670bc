//! The time that one call may spend on the cache.

use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, Timeout, timeout_at};

use crate::error::Error;
use crate::panics::{catch_panic, guarded};
use crate::store::{Operation, Store};

/// After this time an operation is looked at without its having asked for it, and then whenever it has taken twice as
/// long: a store that has lost one may be unable to tell.
const FIRST_GLANCE: Duration = Duration::from_millis(5);

/// What is left of it. All operations of one call share it, so that a call takes no longer than
/// budget plus load, however many operations are slow.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Duration,
}

impl Budget {
    pub(crate) fn new(left: Duration) -> Self {
        Self { left }
    }

    /// Runs one operation of `store` within what is left.
    pub(crate) async fn run<T>(
        &mut self,
        store: &dyn Store,
        mut operation: Operation<'_, T>,
    ) -> Result<T, Error> {
        if self.left.is_zero() {
            return Err(Error::timeout());
        }
        let started = Instant::now();
        let mut unanswered = Unanswered {
            store,
            epoch: store.epoch(),
            started,
            patience: self.left / 2,
            answered: false,
        };
        let mut glance = FIRST_GLANCE;
        let result = loop {
            let heard = match by(started + glance.min(self.left), &mut operation) {
                Some(operation) => timed(pin!(operation)).await,
                None => None,
            };
            match heard {
                None => {
                    // Without timers, which says nothing about the store.
                    unanswered.answered = true;
                    return Err(Error::unreachable());
                }
                Some(Err(_)) if glance < self.left => glance *= 2,
                Some(result) => break result,
            }
        };
        unanswered.answered = result.is_ok();
        self.left = self.left.saturating_sub(started.elapsed());
        result.unwrap_or_else(|_| Err(Error::timeout()))
    }

    /// The same for an operation that costs nothing if it is answered: it belongs to a wait for
    /// something else.
    pub(crate) async fn run_free<T>(
        &mut self,
        store: &dyn Store,
        operation: Operation<'_, T>,
    ) -> Result<T, Error> {
        let left = self.left;
        let result = self.run(store, operation).await;
        if result.is_ok() {
            self.left = left;
        }
        result
    }
}

/// A future with a deadline; none where there are no timers: on another executor, or on a runtime of tokio that was
/// built without them, which there is no way to ask for (where panics abort, this one does too).
pub(crate) fn by<F: Future>(deadline: Instant, future: F) -> Option<Timeout<F>> {
    Handle::try_current().ok()?;
    guarded(|| timeout_at(deadline, future))
}

/// Runs what waits for a timer, and nothing of the user's; `None` if the runtime has been shut down meanwhile, while
/// its caller is on a thread that has not (`Handle::block_on`): then timers panic.
pub(crate) async fn timed<F: Future + Unpin>(future: F) -> Option<F::Output> {
    catch_panic(future).await.ok()
}

/// See [`by`].
pub(crate) fn has_timers() -> bool {
    by(Instant::now(), std::future::ready(())).is_some()
}

/// Tells the store of an operation that was given up: at its deadline, or earlier by a caller
/// that has a shorter one. A caller that gave up at once says nothing about the store.
struct Unanswered<'a> {
    store: &'a dyn Store,
    epoch: u64,
    started: Instant,
    patience: Duration,
    answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.answered && self.started.elapsed() >= self.patience {
            self.store.unanswered(self.epoch);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;
    use crate::store::memory::MemoryStore;

    const LEFT: Duration = Duration::from_millis(100);

    /// Done from that moment on, of which it tells nobody.
    fn silent(done: Instant) -> Operation<'static, ()> {
        Box::pin(poll_fn(
            move |_| {
                if Instant::now() < done { Poll::Pending } else { Poll::Ready(Ok(())) }
            },
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_that_wakes_nobody_is_looked_at_again() {
        let store = MemoryStore::new("ns");
        for millis in [1, 5, 6, 20, 45] {
            let (mut budget, began) = (Budget::new(LEFT), Instant::now());
            let took = Duration::from_millis(millis);
            budget.run(&store, silent(began + took)).await.expect("seen in time");
            assert!(began.elapsed() <= 2 * took.max(FIRST_GLANCE), "{:?}", began.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_looked_at_ends_with_the_budget() {
        let store = MemoryStore::new("ns");
        let (mut budget, began) = (Budget::new(LEFT), Instant::now());
        let ran = budget.run(&store, silent(began + 2 * LEFT)).await;
        assert_eq!(ran.expect_err("too late").kind(), crate::ErrorKind::Timeout);
        assert_eq!(began.elapsed(), LEFT);
    }
}
