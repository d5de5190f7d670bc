//! A node of the history checker: cached functions over a versioned source, and writers of all kinds.

#[path = "together.rs"]
mod together;

use std::ops::Range;
use std::time::Duration;

use cached_redis::{Cache, Error, invalidates, redis_cached, updates};
use cached_redis_test_support::history::{Loaded, World};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

// The keys of the functions, one after the other.
const ITEMS: Range<usize> = 0..12;
const PAGES: Range<usize> = 12..18;
const FEEDS: Range<usize> = 18..24;
const ACCOUNTS: Range<usize> = 24..56;
pub(super) const KEYS: usize = ACCOUNTS.end;

const SHELVES: usize = 4;
const BRANDS: u64 = 3;

const ITEM_TTL: Duration = Duration::from_secs(2);
const PAGE_TTL: Duration = Duration::from_millis(300);
pub(super) const PAGE_STALE: Duration = Duration::from_millis(300);
const FEED_TTL: Duration = Duration::from_millis(200);
const FEED_GRACE: Duration = Duration::from_millis(400);
const ACCOUNT_TTL: Duration = Duration::from_secs(3);

/// For how long at most a copy answers after an invalidation elsewhere.
pub(super) const BOUND: Duration = Duration::from_millis(200);

/// Life of a fence, many times as long as a write takes.
const GUARD: Duration = Duration::from_millis(300);

/// What a test of this kind cannot see: the time from the end of a load to the moment when the server stores what
/// came of it, from which the life of a value counts. The command may lie before a server that is stopped, and we may
/// be held up on a busy machine.
const UNSEEN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Value {
    version: u64,
    /// When its load ended.
    at: u64,
    brand: u64,
    /// Whether it is long, and travels on the lane. Stored as a long text.
    #[serde(with = "filling")]
    is_long: bool,
}

/// One version of so many is long.
const LONG_ONES: u64 = 16;

impl Value {
    fn new(key: usize, Loaded { version, at }: Loaded, has_room: bool) -> Self {
        let is_long = has_room && version % LONG_ONES == 0;
        Self { version, at, brand: brand(key, version), is_long }
    }
}

mod filling {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    const LENGTH: usize = 64 << 10;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
    pub(super) fn serialize<S: Serializer>(is_long: &bool, to: S) -> Result<S::Ok, S::Error> {
        " ".repeat(if *is_long { LENGTH } else { 0 }).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
        Ok(!String::deserialize(from)?.is_empty())
    }
}

#[derive(Debug)]
struct Failure;

/// A value may move to another brand with every eighth write.
fn brand(key: usize, version: u64) -> u64 {
    (key as u64 + version / 8) % BRANDS
}

/// Where an item is kept.
fn shelf(key: usize) -> usize {
    key % SHELVES
}

/// What was written: which keys, and their versions since.
type Written = Vec<(usize, u64)>;

#[derive(Clone)]
pub(super) struct Node {
    pub(super) cache: Cache,
    pub(super) world: World,
    /// Whether all that is stored has room: then a fence stays until it is lifted or ends, and there are long values.
    pub(super) has_room: bool,
    /// Of what is read most.
    pub(super) lease: Duration,
    /// How long a page is served after its fresh life.
    pub(super) page_stale: Duration,
    /// How late it may be told of an invalidation: nothing, without copies.
    pub(super) bound: Duration,
    /// How many of a hundred reads are those of a batch.
    pub(super) batches: u32,
}

/// How many tasks of a kind there are.
#[derive(Clone, Copy)]
pub(super) struct Staff {
    pub(super) readers: usize,
    /// They write what is read most, in all ways.
    pub(super) writers: usize,
    /// They write what is left alone otherwise, behind a fence and slowly: what they leave behind when they are killed
    /// is not made up for by somebody else.
    pub(super) clerks: usize,
    /// How often readers read what they read.
    pub(super) repeats: usize,
}

/// The functions.
impl Node {
    #[redis_cached(
        ttl = ITEM_TTL,
        prefix = "history",
        local = BOUND,
        skip(self),
        lock = self.lease,
        tags = ["shelf:{shelf}", "brand:{ret.brand}"],
        cache = self.cache
    )]
    async fn item(&self, shelf: usize, key: usize) -> Value {
        self.load(key).await
    }

    #[redis_cached(
        ttl = PAGE_TTL,
        prefix = "history",
        local = BOUND,
        skip(self),
        lock = "50ms",
        stale = self.page_stale,
        cache = self.cache
    )]
    async fn page(&self, key: usize) -> Value {
        self.load(key).await
    }

    #[redis_cached(
        ttl = FEED_TTL,
        prefix = "history",
        local = BOUND,
        skip(self),
        lock = self.lease,
        stale_if_error = FEED_GRACE,
        soft_timeout = "8ms",
        cache = self.cache
    )]
    async fn feed(&self, key: usize) -> Result<Value, Failure> {
        let value = self.load(key).await;
        if fastrand::u32(..3) == 0 { Err(Failure) } else { Ok(value) }
    }

    #[redis_cached(
        ttl = ACCOUNT_TTL,
        prefix = "history",
        skip(self),
        lock = "50ms",
        cache = self.cache
    )]
    async fn account(&self, key: usize) -> Value {
        self.load(key).await
    }

    async fn load(&self, key: usize) -> Value {
        Value::new(key, self.world.load(key).await, self.has_room)
    }

    /// The key of any of their entries in the store.
    pub(super) fn stored(&self, key: usize) -> String {
        let text = if ITEMS.contains(&key) {
            self.item_entry(shelf(key), key).key()
        } else if PAGES.contains(&key) {
            self.page_entry(key).key()
        } else if FEEDS.contains(&key) {
            self.feed_entry(key).key()
        } else {
            self.account_entry(key).key()
        };
        text.expect("a key")
    }
}

/// The writes. All are strict: then their body runs behind the fence, and success means that what they wrote was
/// invalidated.
impl Node {
    #[invalidates(
        self.item(shelf(key), key) for key in only(ITEMS, key),
        self.page(key) for key in only(PAGES, key),
        self.feed(key) for key in only(FEEDS, key),
        strict
    )]
    async fn write_one(&self, key: usize) -> Result<Written, Error> {
        Ok(self.write_all([key], None).await)
    }

    #[invalidates(
        self.item(shelf(key), key) for key in only(ITEMS, key),
        self.page(key) for key in only(PAGES, key),
        self.feed(key) for key in only(FEEDS, key),
        strict,
        guard = GUARD
    )]
    async fn write_one_guarded(&self, key: usize, since: u64) -> Result<Written, Error> {
        Ok(self.write_all([key], Some(since)).await)
    }

    #[invalidates(tag = "shelf:{shelf}", strict, cache = self.cache)]
    async fn write_shelf(&self, shelf: usize) -> Result<Written, Error> {
        Ok(self.write_all(ITEMS.filter(|key| self::shelf(*key) == shelf), None).await)
    }

    #[invalidates(tag = "shelf:{shelf}", strict, cache = self.cache, guard = GUARD)]
    async fn write_shelf_guarded(&self, shelf: usize, since: u64) -> Result<Written, Error> {
        Ok(self.write_all(ITEMS.filter(|key| self::shelf(*key) == shelf), Some(since)).await)
    }

    #[invalidates(tag = "brand:{brand}", strict, cache = self.cache)]
    async fn write_brand(&self, brand: u64) -> Result<Written, Error> {
        Ok(self.write_all_of(brand).await)
    }

    #[invalidates(tag = "brand:{brand}", strict, cache = self.cache, guard = GUARD)]
    async fn write_brand_guarded(&self, brand: u64) -> Result<Written, Error> {
        Ok(self.write_all_of(brand).await)
    }

    /// Apart from the pages, which are to grow old, and the accounts.
    #[invalidates(self.item(..), self.feed(..), strict)]
    async fn write_everything(&self) -> Result<Written, Error> {
        Ok(self.write_all(ITEMS.chain(FEEDS), None).await)
    }

    #[invalidates(self.item(..), self.feed(..), strict, guard = GUARD)]
    async fn write_everything_guarded(&self, since: u64) -> Result<Written, Error> {
        Ok(self.write_all(ITEMS.chain(FEEDS), Some(since)).await)
    }

    /// With much time between the write and the end.
    #[invalidates(self.account(key), strict, guard = GUARD)]
    async fn write_account(&self, key: usize, since: u64) -> Result<Written, Error> {
        pause(20).await;
        let written = self.write_all([key], Some(since)).await;
        pause(150).await;
        Ok(written)
    }

    #[updates(self.item(shelf(key), key) = *ret)]
    async fn update_item(&self, key: usize) -> Value {
        self.write_through(key).await
    }

    #[updates(self.page(key) = *ret)]
    async fn update_page(&self, key: usize) -> Value {
        self.write_through(key).await
    }

    async fn write_through(&self, key: usize) -> Value {
        pause(5).await;
        let version = self.world.write(key).await;
        let at = self.world.now().await;
        pause(20).await;
        Value::new(key, Loaded { version, at }, self.has_room)
    }

    async fn write_all(
        &self,
        keys: impl IntoIterator<Item = usize>,
        fenced_since: Option<u64>,
    ) -> Written {
        pause(5).await;
        let mut written = Vec::new();
        for key in keys {
            let version = match fenced_since.filter(|_| self.has_room) {
                Some(since) => self.world.write_fenced(key, since, GUARD).await,
                None => self.world.write(key).await,
            };
            written.push((key, version));
        }
        pause(5).await;
        written
    }

    /// All of a brand. Nothing is said of those that may be stored under another one, which its tag does not reach.
    async fn write_all_of(&self, of: u64) -> Written {
        let mut written = Vec::new();
        for key in ITEMS {
            // What may be stored has been written since the floor.
            let floor = self.world.begin(key).await.floor;
            if brand(key, floor) == of {
                let version = self.world.write(key).await;
                if (floor..version).all(|version| brand(key, version) == of) {
                    written.push((key, version));
                }
            }
        }
        pause(5).await;
        written
    }
}

/// The staff.
impl Node {
    /// Until it is dropped.
    pub(super) async fn run(self, staff: Staff) {
        let mut tasks = JoinSet::new();
        for _ in 0..staff.readers {
            let node = self.clone();
            tasks.spawn(async move {
                loop {
                    let key = fastrand::usize(..KEYS);
                    for _ in 0..staff.repeats {
                        may_be_cancelled(node.read(key)).await;
                    }
                    sleep(Duration::from_micros(fastrand::u64(..1500))).await;
                }
            });
        }
        for _ in 0..staff.writers {
            let node = self.clone();
            tasks.spawn(async move {
                loop {
                    may_be_cancelled(node.write()).await;
                    pause(20).await;
                }
            });
        }
        for _ in 0..staff.clerks {
            let node = self.clone();
            tasks.spawn(async move {
                loop {
                    let since = node.world.now().await;
                    let written = node.write_account(fastrand::usize(ACCOUNTS), since);
                    may_be_cancelled(async { node.completed(written.await).await }).await;
                    pause(500).await;
                }
            });
        }
        // They go on for ever, unless one panics.
        if let Some(done) = tasks.join_next().await {
            done.expect("no panic")
        }
    }

    async fn read(&self, key: usize) {
        match fastrand::u32(..100) < self.batches {
            true => self.read_together(key).await,
            false => self.read_alone(key).await,
        }
    }

    async fn read_alone(&self, key: usize) {
        let began = self.world.begin_within(key, self.bound).await;
        let (value, bound) = if ITEMS.contains(&key) {
            (self.item(shelf(key), key).await, ITEM_TTL)
        } else if PAGES.contains(&key) {
            (self.page(key).await, PAGE_TTL + PAGE_STALE)
        } else if FEEDS.contains(&key) {
            let Ok(value) = self.feed(key).await else { return };
            (value, FEED_TTL + FEED_GRACE)
        } else {
            (self.account(key).await, ACCOUNT_TTL)
        };
        let Value { version, at, .. } = value;
        self.world.end(key, began, Loaded { version, at }, bound + UNSEEN).await;
    }

    async fn write(&self) {
        // Mostly an item: what may grow old is written seldom, or it never would.
        let kind = if fastrand::u32(..10) == 0 { 0..FEEDS.end } else { ITEMS };
        let key = fastrand::usize(kind);
        let (shelf, brand) = (fastrand::usize(..SHELVES), fastrand::u64(..BRANDS));
        let since = self.world.now().await;
        let written = match fastrand::u32(..100) {
            0..25 => self.write_one(key).await,
            25..45 => self.write_one_guarded(key, since).await,
            45..53 => self.write_shelf(shelf).await,
            53..58 => self.write_shelf_guarded(shelf, since).await,
            58..66 => self.write_brand(brand).await,
            66..71 => self.write_brand_guarded(brand).await,
            71..72 => self.write_everything().await,
            72..73 => self.write_everything_guarded(since).await,
            73..90 => return self.update(key).await,
            90..95 => return self.expire(key).await,
            _ => return cached_redis::refresh(self.read(key)).await,
        };
        self.completed(written).await;
    }

    async fn update(&self, key: usize) {
        let value = if ITEMS.contains(&key) {
            self.update_item(key).await
        } else if PAGES.contains(&key) {
            self.update_page(key).await
        } else {
            return;
        };
        // It does not say whether the cache has failed; but then it is being made up for.
        if self.cache.stats().pending_invalidations == 0 {
            self.world.completed(key, value.version).await;
        }
    }

    async fn expire(&self, key: usize) {
        if ITEMS.contains(&key) {
            let _ = self.item_entry(shelf(key), key).expire().await;
        } else if PAGES.contains(&key) {
            let _ = self.page_entry(key).expire().await;
        }
    }

    async fn completed(&self, written: Result<Written, Error>) {
        for (key, version) in written.into_iter().flatten() {
            self.world.completed(key, version).await;
        }
    }
}

/// The key, if it is of this function.
fn only(range: Range<usize>, key: usize) -> Range<usize> {
    if range.contains(&key) { key..key + 1 } else { 0..0 }
}

async fn pause(millis: u64) {
    sleep(Duration::from_millis(fastrand::u64(..=millis))).await;
}

/// One in twenty is cut off at any point.
async fn may_be_cancelled(work: impl Future<Output = ()>) {
    if fastrand::u32(..20) == 0 {
        let _ = timeout(Duration::from_millis(fastrand::u64(..10)), work).await;
    } else {
        work.await;
    }
}
