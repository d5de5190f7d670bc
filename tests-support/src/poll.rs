//! Waiting for something that other threads or processes do: poll to a deadline, never sleep and hope.

use std::fmt::Display;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(5);

/// Blocks until `done`; fails the test when it has not come true in time.
#[track_caller]
pub fn until(what: impl Display, patience: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !done() {
        assert!(Instant::now() < deadline, "waited {patience:?} in vain until {what}");
        std::thread::sleep(STEP);
    }
}

/// The same without blocking the thread, for conditions that have to be asked asynchronously.
pub async fn until_async(
    what: impl Display,
    patience: Duration,
    mut done: impl AsyncFnMut() -> bool,
) {
    let deadline = Instant::now() + patience;
    while !done().await {
        assert!(Instant::now() < deadline, "waited {patience:?} in vain until {what}");
        tokio::time::sleep(STEP).await;
    }
}
