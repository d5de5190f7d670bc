//! Functions that are cached and never hit.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

use crate::counter::Counter;

/// How much makes a function without a hit suspicious: enough calls and values that a hit rate of a few per cent would
/// have shown.
const CALLS: u64 = 100;
const VALUES: u64 = 50;

/// And long enough: an entry of a cold start, or of a job that fills the cache, is not asked for at once.
const LEAST: Duration = Duration::from_secs(60);
const MOST: Duration = Duration::from_secs(10 * 60);

/// What to do about it.
pub(crate) const ADVICE: &str = "Every call costs round trips and a load. Either no two calls have the same key (leave \
    times, request ids and `HashSet`s out of it with `skip(..)`), or `ttl` is shorter than the time between two calls \
    with the same arguments, or entries are invalidated before they are read again, or none is stored \
    (`Cache::stats` counts `stored`, `superseded` and `errors`). A process that only fills the cache for others can \
    ignore this";

/// The calls of a function that have found nothing. Counted on misses only.
#[derive(Debug, Default)]
pub(crate) struct Cold {
    /// When the first one was.
    since: OnceLock<Instant>,
    calls: Counter,
    values: Counter,
}

impl Cold {
    /// Counts a value that would be stored if nothing came between.
    pub(crate) fn to_store(&self) {
        self.values.increment();
    }

    /// Counts a call. Whether so many have found nothing for so long that, without a hit, something is wrong.
    pub(crate) fn found_nothing(&self, ttl: Duration) -> bool {
        let since = self.since.get_or_init(Instant::now);
        self.calls.increment();
        self.calls.get() >= CALLS
            && self.values.get() >= VALUES
            && since.elapsed() >= ttl.clamp(LEAST, MOST)
    }
}
