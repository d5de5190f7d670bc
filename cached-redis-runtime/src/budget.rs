//! The time that one call may spend on the cache.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::error::Error;
use crate::store::Operation;

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

    /// Runs one operation within what is left.
    pub(crate) async fn run<T>(&mut self, operation: Operation<'_, T>) -> Result<T, Error> {
        if self.left.is_zero() {
            return Err(Error::timeout());
        }
        let started = Instant::now();
        let result = timeout(self.left, operation).await.unwrap_or_else(|_| Err(Error::timeout()));
        self.left = self.left.saturating_sub(started.elapsed());
        result
    }
}
