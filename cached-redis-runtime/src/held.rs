//! What a cache holds on to at a moment, for tests that nothing is left behind.

use crate::cache::Cache;

/// How many of each there are in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Loads that others may join.
    pub flights: usize,
    /// Questions to the store that several callers wait for.
    pub lines: usize,
    /// Keys whose callers take turns to load.
    pub load_queues: usize,
    /// Entries that are watched, among them those of copies.
    pub watches: usize,
}

impl Cache {
    /// What it holds on to now. For the tests of this crate.
    #[doc(hidden)]
    #[must_use]
    pub fn held_for_tests(&self) -> Held {
        let core = self.core();
        #[cfg(feature = "local")]
        let watches = core.sessions.store().watched().map_or(0, |watched| watched.len());
        #[cfg(not(feature = "local"))]
        let watches = 0;
        Held {
            flights: core.flights.len(),
            lines: core.lines.len(),
            load_queues: core.load_queues.len(),
            watches,
        }
    }
}
