//! How long things take: counted by bounds, so that percentiles of many processes can be told together.

use std::time::Duration;

use crate::counter::Counter;

/// The bounds of its buckets, in milliseconds: those that dashboards know, and a longer one for slow sources.
const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// Times, counted by how long they are.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for each bound, and one for what is longer.
    buckets: [Counter; BOUNDS.len() + 1],
    nanos: Counter,
}

/// How long something took, of all times: a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many were at most as long as this, beginning with the shortest bound. Each counts those of the bounds before it.
    pub at_most: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub total: Duration,
}

impl Histogram {
    pub(crate) fn add(&self, time: Duration) {
        let place = BOUNDS.partition_point(|bound| time > Duration::from_millis(*bound));
        if let Some(bucket) = self.buckets.get(place) {
            bucket.increment();
        }
        self.nanos.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn snapshot(&self) -> Times {
        let mut count = 0;
        let mut at_most = Vec::with_capacity(BOUNDS.len());
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.get();
            if let Some(bound) = BOUNDS.get(index) {
                at_most.push((Duration::from_millis(*bound), count));
            }
        }
        Times { at_most, count, total: Duration::from_nanos(self.nanos.get()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUNDS, Histogram};
    use std::time::Duration;

    #[test]
    fn a_time_counts_for_each_bound_that_it_does_not_exceed() {
        let histogram = Histogram::default();
        for millis in [0, 1, 2, 3, 100_000] {
            histogram.add(Duration::from_millis(millis));
        }
        let times = histogram.snapshot();
        let counts: Vec<_> = times.at_most.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts[..4], [2, 3, 4, 4]);
        assert_eq!(counts.last(), Some(&4));
        assert_eq!((times.count, times.total), (5, Duration::from_millis(100_006)));
        assert_eq!(times.at_most.len(), BOUNDS.len());
    }

    #[test]
    fn just_beyond_a_bound_is_beyond_it() {
        let histogram = Histogram::default();
        histogram.add(Duration::from_millis(1) + Duration::from_nanos(1));
        assert_eq!(
            histogram.snapshot().at_most[..2],
            [(Duration::from_millis(1), 0), (Duration::from_millis(2), 1)]
        );
    }
}
