//! Counting.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that only grows, counted by many threads at once: each has a place of its own, so that none waits for
/// another's cache line.
#[derive(Debug, Default)]
pub(crate) struct SpreadCounter([Place; PLACES]);

/// As many as threads are likely to count at the same time.
const PLACES: usize = 16;

/// Two cache lines, because some processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place(AtomicU64);

impl SpreadCounter {
    #[cfg_attr(
        not(any(feature = "local", test)),
        expect(dead_code, reason = "only copies are asked for so often")
    )]
    pub(crate) fn increment(&self) {
        thread_local! {
            static PLACE: usize = {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                NEXT.fetch_add(1, Ordering::Relaxed) % PLACES
            };
        }
        // While a thread ends it has none.
        let place = PLACE.try_with(|place| *place).unwrap_or_default();
        self.0[place].0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.iter().map(|place| place.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, SpreadCounter};

    #[test]
    fn what_any_thread_has_counted_counts() {
        let counter = SpreadCounter::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * PLACES {
                scope.spawn(|| (0..100).for_each(|_| counter.increment()));
            }
        });
        assert_eq!(counter.get(), 200 * PLACES as u64);
    }
}
