//! The time that one call may spend on the cache.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, Timeout, timeout_at};

use crate::error::Error;
use crate::join::{Boxed, join_all};
use crate::panics::{catch_panic, guarded};

/// How often an operation is looked at again after its deadline, before that is believed.
const CHANCES: u32 = 3;

tokio::task_local! {
    /// What is left of the budget of the operation that is running, for a store that measures by
    /// itself how long its server takes.
    static LEFT: Cell<Duration>;
}

/// What is left of it. All operations of one call share it, so that a call takes no longer than
/// budget plus load, however many operations are slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    left: Duration,
}

impl Budget {
    pub(crate) fn new(left: Duration) -> Self {
        Self { left }
    }

    pub(crate) fn left(&self) -> Duration {
        self.left
    }

    /// Runs one operation within what is left. A store that `measures` counts the time of its server, as it keeps
    /// to what is left by itself; of others, all time counts.
    pub(crate) async fn spend<T>(
        &mut self,
        operation: impl Future<Output = Result<T, Error>> + Unpin,
        measures: bool,
    ) -> Result<T, Error> {
        if self.left.is_zero() {
            return Err(Error::timeout());
        }
        if measures {
            let measured = async {
                let result = operation.await;
                (result, LEFT.with(Cell::get))
            };
            let (result, left) = LEFT.scope(Cell::new(self.left), measured).await;
            self.left = left;
            return result;
        }
        // Boxed, because a hit on a server would have room for it.
        Box::pin(self.run_timed(operation)).await
    }

    async fn run_timed<T>(
        &mut self,
        mut operation: impl Future<Output = Result<T, Error>> + Unpin,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let mut deadline = began + self.left;
        let mut chances = CHANCES;
        let heard = loop {
            let heard = match by(deadline, &mut operation) {
                Some(heard) => timed(pin!(heard)).await,
                None => None,
            };
            if !matches!(heard, Some(Err(_))) || chances == 0 {
                break heard;
            }
            // The caller may not have been polled for long, and the operation be about to end.
            chances -= 1;
            tokio::task::yield_now().await;
            deadline = Instant::now();
        };
        self.left = self.left.saturating_sub(began.elapsed());
        match heard {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::timeout()),
            // Without timers, which says nothing about the store.
            None => Err(Error::unreachable()),
        }
    }
}

/// What is left for the operation that is running; `whole` outside of one.
pub(crate) fn left_or(whole: Duration) -> Duration {
    LEFT.try_with(Cell::get).unwrap_or(whole)
}

/// Runs what belongs to no operation, or takes a part of one's time: within so much.
pub(crate) async fn within<F: Future>(left: Duration, future: F) -> F::Output {
    LEFT.scope(Cell::new(left), future).await
}

/// The operation that is running has taken so much of it.
pub(crate) fn charge(took: Duration) {
    // Outside of an operation nobody counts.
    let _ = LEFT.try_with(|left| left.set(left.get().saturating_sub(took)));
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

/// Runs parts of an operation at the same time. Of its time they take as much as the one that takes longest.
pub(crate) async fn side_by_side<T: Send>(parts: Vec<Boxed<'_, T>>) -> Vec<T> {
    let Ok(left) = LEFT.try_with(Cell::get) else { return join_all(parts).await };
    let measured = parts.into_iter().map(|part| {
        let part = async move { (part.await, LEFT.with(Cell::get)) };
        Box::pin(LEFT.scope(Cell::new(left), part)) as Boxed<'_, (T, Duration)>
    });
    let ended = join_all(measured.collect()).await;
    let least = ended.iter().map(|(_, left)| *left).min().unwrap_or(left);
    charge(left.saturating_sub(least));
    ended.into_iter().map(|(end, _)| end).collect()
}
