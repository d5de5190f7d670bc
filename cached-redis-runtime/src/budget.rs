//! The time that one call may spend on the cache.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::store::{Operation, Store};

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
        operation: Operation<'_, T>,
    ) -> Result<T, Error> {
        if self.left.is_zero() {
            return Err(Error::timeout());
        }
        if Handle::try_current().is_err() {
            // Another executor: there are no timers, and no deadline without them.
            return Err(Error::unreachable());
        }
        let started = Instant::now();
        let mut unanswered = Unanswered {
            store,
            epoch: store.epoch(),
            started,
            patience: self.left / 2,
            answered: false,
        };
        let result = timeout_at(started + self.left, operation).await;
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
