//! Growing pauses, jittered so that those who began together do not go on together.

use std::time::Duration;

/// Pauses from a first to a longest, each half as long again as the one before, give or take a
/// quarter.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        self.pause_up_to(self.longest)
    }

    /// The next pause, with another bound than usual.
    pub(crate) fn pause_up_to(&mut self, longest: Duration) -> Duration {
        let pause = jittered(self.next.min(longest));
        self.next = self.next.mul_f64(1.5).min(longest);
        pause
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Give or take a quarter.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(fastrand::f64().mul_add(0.5, 0.75))
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew() {
        let (first, longest) = (Duration::from_millis(20), Duration::from_millis(500));
        let mut backoff = Backoff::new(first, longest);
        let pauses: Vec<_> = (0..20).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= first * 5 / 4);
        assert!(
            pauses[19] >= longest * 3 / 4 && pauses.iter().all(|pause| *pause <= longest * 5 / 4)
        );
        backoff.reset();
        assert!(backoff.pause() <= first * 5 / 4);
    }
}
