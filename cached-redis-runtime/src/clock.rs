//! A clock that tests can move.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Time since some start. Follows tokio's clock, so `tokio::time::pause` and `advance` work on it
/// too, and can be moved forward on its own.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    moved_nanos: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), moved_nanos: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Duration {
        let moved = Duration::from_nanos(self.moved_nanos.load(Ordering::Acquire));
        Instant::now().saturating_duration_since(self.start) + moved
    }

    pub(crate) fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.moved_nanos.fetch_add(nanos, Ordering::AcqRel);
    }
}
