//! Checking a cache against what it promises, whatever cache it is.
//!
//! The promise: a read that begins after an invalidation returned gets nothing older than what was written before that
//! invalidation. Each key is a counter, its own version. A writer counts it up, invalidates, and records the version
//! once the invalidation has succeeded. A reader notes the recorded version as its floor, then reads: less than the
//! floor is a stale read.
//!
//! ```
//! # use cached_redis_test_support::history::{History, Source};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let (source, history) = (Source::instant(1), History::new(1));
//! // a writer
//! let version = source.write(0);
//! /* invalidate(0).await? */
//! history.completed(0, version);
//! // a reader
//! let floor = history.floor(0);
//! let value = source.load(0).await; // or from the cache
//! history.observe(0, floor, value);
//! assert_eq!(history.report(&source).stale, 0);
//! # });
//! ```

//!
//! A value also has an age, counted from the end of its load, and a reader may say how old it may be.
//!
//! Nodes in other processes take part through a [`World`].

mod world;

use std::collections::VecDeque;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

pub use world::{Beginning, Loaded, World};

/// The database: a version per key.
#[derive(Debug)]
pub struct Source {
    versions: Vec<AtomicU64>,
    latency: RangeInclusive<Duration>,
    loads: AtomicU64,
}

impl Source {
    /// Loads take any time within `latency`.
    pub fn new(keys: usize, latency: RangeInclusive<Duration>) -> Self {
        Self { versions: counters(keys), latency, loads: AtomicU64::new(0) }
    }

    /// Loads take no time.
    pub fn instant(keys: usize) -> Self {
        Self::new(keys, Duration::ZERO..=Duration::ZERO)
    }

    /// How many keys there are: `0..keys()`.
    pub fn keys(&self) -> usize {
        self.versions.len()
    }

    /// A cached function's body. It reads first and takes its time afterwards, so that what it returns is as old as
    /// it can be: the worst case for a cache.
    pub async fn load(&self, key: usize) -> u64 {
        self.loads.fetch_add(1, SeqCst);
        let version = self.versions[key].load(SeqCst);
        let (from, to) = (self.latency.start().as_micros(), self.latency.end().as_micros());
        if to > 0 {
            let micros = fastrand::u128(from..=to.max(from));
            tokio::time::sleep(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
                .await;
        }
        version
    }

    /// A write: the key's new version.
    pub fn write(&self, key: usize) -> u64 {
        self.versions[key].fetch_add(1, SeqCst) + 1
    }

    /// How often anything was loaded.
    pub fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }
}

/// Which invalidations have completed, and what was read since.
#[derive(Debug)]
pub struct History {
    completed: Vec<AtomicU64>,
    /// When which version was, the last ones of each key.
    lately: Vec<Mutex<VecDeque<(Instant, u64)>>>,
    reads: AtomicU64,
    stale: AtomicU64,
    first_stale: Mutex<Option<StaleRead>>,
    old: AtomicU64,
    oldest: Mutex<Option<OldRead>>,
    fenced: AtomicU64,
}

/// As many completed invalidations of a key as there are within any bound.
const MOST_REMEMBERED: usize = 1000;

/// A read that broke the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleRead {
    /// Which key was read.
    pub key: usize,
    /// The version whose invalidation had completed before the read began.
    pub floor: u64,
    /// The older version that was read.
    pub value: u64,
}

/// A read of a value that had been loaded too long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldRead {
    /// Which key was read.
    pub key: usize,
    /// How old the value was when the read began.
    pub age: Duration,
    /// How old it might have been.
    pub bound: Duration,
}

impl History {
    /// For keys `0..keys`.
    pub fn new(keys: usize) -> Self {
        Self {
            completed: counters(keys),
            lately: (0..keys).map(|_| Mutex::default()).collect(),
            reads: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            first_stale: Mutex::new(None),
            old: AtomicU64::new(0),
            oldest: Mutex::new(None),
            fenced: AtomicU64::new(0),
        }
    }

    /// The invalidation that followed the write of `version` has succeeded.
    pub fn completed(&self, key: usize, version: u64) {
        // Writers of one key may finish in any order.
        if self.completed[key].fetch_max(version, SeqCst) < version {
            self.remember(key, version);
        }
    }

    fn remember(&self, key: usize, version: u64) {
        let mut lately = self.lately[key].lock().expect("no panic while it is held");
        lately.push_back((Instant::now(), version));
        if lately.len() > MOST_REMEMBERED {
            lately.pop_front();
        }
    }

    /// What a read that begins now must at least return.
    pub fn floor(&self, key: usize) -> u64 {
        self.completed[key].load(SeqCst)
    }

    /// The same of a reader that may be told of an invalidation so much later.
    pub fn floor_within(&self, key: usize, bound: Duration) -> u64 {
        if bound.is_zero() {
            return self.floor(key);
        }
        let lately = self.lately[key].lock().expect("no panic while it is held");
        let old = lately.iter().filter(|(at, _)| at.elapsed() >= bound);
        old.map(|(_, version)| *version).max().unwrap_or(0)
    }

    /// A read that began when the floor was `floor` returned `value`. Whether that is as promised.
    pub fn observe(&self, key: usize, floor: u64, value: u64) -> bool {
        self.reads.fetch_add(1, SeqCst);
        if value >= floor {
            return true;
        }
        self.stale.fetch_add(1, SeqCst);
        let mut first = self.first_stale.lock().expect("no panic while it is held");
        first.get_or_insert(StaleRead { key, floor, value });
        false
    }

    /// The fence that was planted before the write of `version` has ended, whatever became of the writer.
    pub fn unfenced(&self, key: usize, version: u64) {
        if self.completed[key].fetch_max(version, SeqCst) < version {
            self.remember(key, version);
            self.fenced.fetch_add(1, SeqCst);
        }
    }

    /// A read returned a value that was `age` old when it began. Whether that is as promised.
    pub fn observe_age(&self, key: usize, age: Duration, bound: Duration) -> bool {
        if age <= bound {
            return true;
        }
        self.old.fetch_add(1, SeqCst);
        let mut oldest = self.oldest.lock().expect("no panic while it is held");
        if oldest.is_none_or(|known| known.age - known.bound < age - bound) {
            *oldest = Some(OldRead { key, age, bound });
        }
        false
    }

    /// How many reads broke a promise so far.
    pub fn violations(&self) -> u64 {
        self.stale.load(SeqCst) + self.old.load(SeqCst)
    }

    /// The totals. Hits are the reads that the source did not have to answer, shared loads among them.
    pub fn report(&self, source: &Source) -> Report {
        let (reads, loads) = (self.reads.load(SeqCst), source.loads());
        Report {
            reads,
            loads,
            hits: reads.saturating_sub(loads),
            stale: self.stale.load(SeqCst),
            first_stale: *self.first_stale.lock().expect("no panic while it is held"),
            old: self.old.load(SeqCst),
            oldest: *self.oldest.lock().expect("no panic while it is held"),
            fenced: self.fenced.load(SeqCst),
        }
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Reads observed.
    pub reads: u64,
    /// Loads from the source.
    pub loads: u64,
    /// Reads beyond the loads.
    pub hits: u64,
    /// Reads that broke the promise.
    pub stale: u64,
    /// The first of them.
    pub first_stale: Option<StaleRead>,
    /// Reads of values that were older than they might be.
    pub old: u64,
    /// The one that was too old by the most.
    pub oldest: Option<OldRead>,
    /// Writes that never completed, but were fenced.
    pub fenced: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, loads, hits, stale, old, fenced, .. } = self;
        write!(f, "{reads} reads, {hits} hits, {loads} loads, {stale} stale")?;
        if let Some(StaleRead { key, floor, value }) = self.first_stale {
            write!(f, " (first: key {key}, version {value} after {floor} was invalidated)")?;
        }
        if let Some(OldRead { key, age, bound }) = self.oldest {
            write!(f, ", {old} too old (worst: key {key}, {age:?} instead of {bound:?})")?;
        }
        if *fenced > 0 {
            write!(f, ", {fenced} writes cut off behind their fence")?;
        }
        Ok(())
    }
}

fn counters(keys: usize) -> Vec<AtomicU64> {
    (0..keys).map(|_| AtomicU64::new(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Cache-aside as everyone writes it first: a load that began before an invalidation is stored after it.
    #[derive(Default)]
    struct Naive(Mutex<HashMap<usize, u64>>);

    impl Naive {
        fn cached(&self, key: usize) -> Option<u64> {
            self.0.lock().expect("unpoisoned").get(&key).copied()
        }

        async fn get(&self, source: &Source, key: usize) -> u64 {
            if let Some(value) = self.cached(key) {
                return value;
            }
            let value = source.load(key).await;
            self.0.lock().expect("unpoisoned").insert(key, value);
            value
        }

        fn invalidate(&self, key: usize) {
            self.0.lock().expect("unpoisoned").remove(&key);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_fill_is_found() {
        let source = Source::new(1, Duration::from_millis(10)..=Duration::from_millis(10));
        let (history, cache) = (History::new(1), Naive::default());
        let early = async {
            let floor = history.floor(0);
            let value = cache.get(&source, 0).await;
            assert!(
                history.observe(0, floor, value),
                "a read that began before the write may be old"
            );
        };
        let write = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let version = source.write(0);
            cache.invalidate(0);
            history.completed(0, version);
        };
        tokio::join!(early, write);
        let floor = history.floor(0);
        assert!(!history.observe(0, floor, cache.get(&source, 0).await));
        let report = history.report(&source);
        assert_eq!((report.reads, report.loads, report.hits, report.stale), (2, 1, 1, 1));
        assert_eq!(report.first_stale, Some(StaleRead { key: 0, floor: 1, value: 0 }));
    }

    #[tokio::test(start_paused = true)]
    async fn reading_through_is_never_stale() {
        let source = Source::new(2, Duration::ZERO..=Duration::from_millis(3));
        let history = History::new(2);
        for key in [0, 1, 0, 0, 1] {
            history.completed(key, source.write(key));
            let floor = history.floor(key);
            assert!(history.observe(key, floor, source.load(key).await));
        }
        let report = history.report(&source).to_string();
        assert_eq!(report, "5 reads, 0 hits, 5 loads, 0 stale");
    }

    #[test]
    fn an_old_value_is_found() {
        let (source, history) = (Source::instant(1), History::new(1));
        let second = Duration::from_secs(1);
        assert!(history.observe_age(0, second, second));
        assert!(!history.observe_age(0, 3 * second, second));
        assert!(!history.observe_age(0, 2 * second, second));
        let report = history.report(&source);
        assert_eq!(report.old, 2);
        assert_eq!(report.oldest, Some(OldRead { key: 0, age: 3 * second, bound: second }));
        assert_eq!(history.violations(), 2);
    }

    #[test]
    fn what_a_fence_has_kept_is_counted_where_nothing_else_did() {
        let (source, history) = (Source::instant(1), History::new(1));
        history.completed(0, 1);
        history.unfenced(0, 1);
        history.unfenced(0, 2);
        assert_eq!(history.floor(0), 2);
        assert_eq!(history.report(&source).fenced, 1);
    }

    #[test]
    fn invalidations_that_overtake_each_other_keep_the_highest_floor() {
        let history = History::new(1);
        history.completed(0, 2);
        history.completed(0, 1);
        assert_eq!(history.floor(0), 2);
    }
}
