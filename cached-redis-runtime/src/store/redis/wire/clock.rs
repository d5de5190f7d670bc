//! Time as one connection counts it.

use std::time::{Duration, Instant};

/// A clock that runs only as fast as somebody looks at the socket.
///
/// Between two looks it moves by the time that has passed, but by no more than a step: in the rest of
/// it nobody could have seen a reply, because the process was busy, blocked or stopped.
#[derive(Debug)]
pub(super) struct Clock {
    now: Duration,
    looked: Instant,
    step: Duration,
}

impl Clock {
    pub(super) fn new(step: Duration) -> Self {
        Self { now: Duration::ZERO, looked: Instant::now(), step }
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// What it would show if somebody looked.
    pub(super) fn reading(&self, at: Instant) -> Duration {
        self.now + at.saturating_duration_since(self.looked).min(self.step)
    }

    /// Somebody looks.
    pub(super) fn tick(&mut self, at: Instant) {
        self.now = self.reading(at);
        self.looked = self.looked.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use std::time::{Duration, Instant};

    #[test]
    fn it_counts_what_somebody_has_seen() {
        let millis = Duration::from_millis;
        let mut clock = Clock::new(millis(25));
        let began = Instant::now();
        clock.tick(began);
        let before = clock.now();
        for look in 1..=8 {
            clock.tick(began + millis(12) * look);
        }
        assert_eq!(clock.now() - before, millis(96));
        clock.tick(began + millis(96 + 700));
        assert_eq!(clock.now() - before, millis(96 + 25), "a pause is one step");
        clock.tick(began);
        assert_eq!(clock.now() - before, millis(96 + 25), "it never goes back");
    }
}
