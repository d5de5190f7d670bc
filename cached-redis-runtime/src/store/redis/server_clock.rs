//! The server's clock, as far as this process knows it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// Clocks drift apart: an old reading says nothing.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);

/// The last reading of the server's clock. It is taken to be as old as the question, not as the
/// answer, so this clock is ahead by a round trip at most: a value counts as stale too early rather
/// than too late.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    reading: Mutex<Option<Reading>>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    asked: Instant,
    millis: u64,
}

impl ServerClock {
    /// The server said this when it was asked then.
    pub(super) fn set(&self, asked: Instant, millis: u64) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Reading { asked, millis });
    }

    /// In milliseconds; `None` without a recent reading.
    pub(super) fn now(&self) -> Option<u64> {
        let reading = (*self.reading.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = reading.asked.elapsed();
        if since > GOOD_FOR {
            return None;
        }
        Some(reading.millis.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::{GOOD_FOR, ServerClock};
    use std::time::Duration;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn it_runs_from_the_question_on_and_is_not_trusted_for_ever() {
        let clock = ServerClock::default();
        assert_eq!(clock.now(), None);
        let asked = Instant::now();
        advance(Duration::from_millis(20)).await;
        clock.set(asked, 1_000);
        assert_eq!(clock.now(), Some(1_020));
        advance(GOOD_FOR).await;
        assert_eq!(clock.now(), None);
    }
}
