//! How many entries are read at once, so that their values are likely to be no more than others can wait for.
//!
//! Single reads are bounded by their connection, one by one. A batch knows how many it is about to read, and what
//! matters is what they come to together: their mean.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are asked for at once, as far as that can be foretold.
const MOST_BYTES: usize = 4 << 20;

/// So many are read at once however long they are.
const LEAST: usize = 16;

/// The mean length of what was read or stored together lately; zero if nothing was.
#[derive(Debug, Default)]
pub(super) struct Lengths(AtomicUsize);

impl Lengths {
    /// Entries of these lengths have been read or stored together. Long ones count at once, short ones by and by.
    pub(super) fn learn(&self, lengths: impl Iterator<Item = usize>) {
        let (count, all) = lengths
            .fold((0, 0_usize), |(count, all), length| (count + 1, all.saturating_add(length)));
        if let Some(mean) = all.checked_div(count) {
            let known = self.0.load(Ordering::Relaxed);
            // Two at the same time may lose one of them.
            self.0.store(mean.max(known / 2).max(1), Ordering::Relaxed);
        }
    }

    /// How many bytes so many entries are likely to be; zero if nothing is known.
    pub(super) fn expected(&self, entries: usize) -> usize {
        self.0.load(Ordering::Relaxed).saturating_mul(entries)
    }

    /// How many may be read at once; `None` if nothing is known.
    pub(super) fn at_once(&self) -> Option<usize> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            length => Some((MOST_BYTES / length).max(LEAST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, Lengths, MOST_BYTES};

    #[test]
    fn many_short_values_are_read_at_once_and_few_long_ones() {
        let lengths = Lengths::default();
        assert_eq!(lengths.at_once(), None);
        lengths.learn([0, 0, 0].into_iter());
        assert_eq!(lengths.at_once(), Some(MOST_BYTES));
        lengths.learn([1 << 10; 10].into_iter());
        assert_eq!(lengths.at_once(), Some(4 << 10));
        // One long value among many short ones is not what they come to.
        lengths.learn([1 << 10; 99].into_iter().chain([1 << 20]));
        assert!((300..400).contains(&lengths.at_once().expect("known")), "{lengths:?}");
        lengths.learn([1 << 20; 4].into_iter());
        assert_eq!(lengths.at_once(), Some(LEAST));
        // Nothing is learnt of nothing.
        lengths.learn([].into_iter());
        assert_eq!(lengths.at_once(), Some(LEAST));
        lengths.learn([10].into_iter());
        assert_eq!(lengths.at_once(), Some(LEAST));
        lengths.learn([10].into_iter());
        assert_eq!(lengths.at_once(), Some(LEAST));
        lengths.learn([10].into_iter());
        assert_eq!(lengths.at_once(), Some(2 * LEAST));
    }
}
