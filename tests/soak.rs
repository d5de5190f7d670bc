//! A busy process for a while: its memory, and the server's table of keys that it watches, do not grow, and nothing is left
//! behind. A program of its own, so that its memory is its own.
//!
//! `CACHED_REDIS_SOAK_SECONDS=600` runs it longer.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cached_redis::{Cache, redis_cached, refresh};
use cached_redis_test_support::poll::until_async;
use cached_redis_test_support::{Server, available, unique_namespace};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(30);
const TASKS: u64 = 32;
/// Keys that are asked for at one time. They move on with the calls, so that new ones come and old ones are left.
const WINDOW: u64 = 500;
const STEPS_FOR_A_KEY: u64 = 40;
const SHELVES: u64 = 100;
/// What copies may take. Reached long before the first window of memory.
const COPIES: u64 = 1 << 20;

#[derive(Debug)]
struct Failure;

/// Between 10 and 5,000 bytes.
fn text(id: u64) -> String {
    "text ".repeat(2 + (id * id % 1_000) as usize)
}

#[redis_cached(ttl = "5s", prefix = "soak", negative_ttl = "2s", lock = "2s")]
async fn plain(id: u64) -> Result<Option<String>, Failure> {
    match id % 16 {
        0 => Ok(None),
        1 => Err(Failure),
        _ => Ok(Some(text(id))),
    }
}

#[redis_cached(ttl = "1s", prefix = "soak", stale = "3s")]
async fn stale(id: u64) -> String {
    tokio::task::yield_now().await;
    text(id)
}

#[redis_cached(ttl = "5s", prefix = "soak", tags = ["shelf:{shelf}"])]
async fn tagged(id: u64, shelf: u64) -> String {
    text(id + shelf)
}

#[redis_cached(ttl = "5s", prefix = "soak", local = "1s", tags = ["shelf:{shelf}"])]
async fn copied(id: u64, shelf: u64) -> Option<String> {
    (!id.is_multiple_of(8)).then(|| text(id + shelf))
}

#[redis_cached(ttl = "5s", prefix = "soak", local(bound = "1s", max_bytes = "128K"))]
async fn apart(id: u64) -> String {
    text(id)
}

#[redis_cached(each(ids), of = apart)]
async fn batch(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, text(*id))).collect()
}

/// One of the many things that applications do.
async fn step(cache: &Cache, random: &mut fastrand::Rng, base: u64) {
    // The few are asked for often, so that they have copies.
    let id = base + random.u64(..WINDOW) % (1 + random.u64(..WINDOW));
    let shelf = id % SHELVES;
    match random.u32(..100) {
        0..25 => drop(plain(id).await),
        25..35 => drop(stale(id).await),
        35..50 => drop(tagged(id, shelf).await),
        50..70 => drop(copied(id, shelf).await),
        70..80 => drop(apart(id).await),
        80..86 => drop(batch(&[id, id + 1, id + 7, id + 50]).await),
        // Given up at any point of its way.
        86..89 => {
            let patience = Duration::from_micros(random.u64(..500));
            drop(tokio::time::timeout(patience, refresh(copied(id, shelf))).await);
        }
        89..93 => drop(plain_invalidate(id).await),
        93..95 => drop(copied_entry(id, shelf).put(Some(text(id))).await),
        95..97 => drop(apart_invalidate(id).await),
        97..99 => drop(cache.invalidate_tag(&format!("shelf:{shelf}")).await),
        _ if random.u32(..50) == 0 => drop(apart_invalidate_all().await),
        _ => drop(copied_invalidate(id, shelf).await),
    }
}

/// What is measured at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    resident: u64,
    tracked: u64,
}

impl Sample {
    fn take(server: &Server) -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("a Linux");
        let pages: u64 = statm.split_whitespace().nth(1).expect("resident").parse().expect("pages");
        let tracked = server.info("tracking_total_keys").expect("a server that tracks");
        // The size of a page on nearly all machines; elsewhere what is compared is scaled alike.
        Self { resident: pages * 4096, tracked: tracked.parse().expect("a number") }
    }
}

/// The middle of what was found: a moment of much to do is none of growth.
fn median(samples: &[Sample], of: fn(&Sample) -> u64) -> u64 {
    let mut found: Vec<_> = samples.iter().map(of).collect();
    found.sort_unstable();
    found[found.len() / 2]
}

/// The second quarter of the time against the last. What is as large as it gets after a quarter does not count as growth.
///
/// 3 MiB and a tenth: an allocator keeps pages, and how many moves by a MiB or so with what tasks happen to do at once. A
/// leak of 300 bytes in each step passes that within a minute, at 1,000 steps a second, which is a busy machine.
fn assert_flat(samples: &[Sample]) {
    let quarter = samples.len() / 4;
    assert!(quarter >= 4, "too short to compare: {} samples", samples.len());
    let (early, late) = (&samples[quarter..2 * quarter], &samples[3 * quarter..]);
    let [before, after] = [early, late].map(|window| median(window, |sample| sample.resident));
    println!("resident: {} KiB, then {} KiB", before >> 10, after >> 10);
    assert!(after <= before + before / 10 + (3 << 20), "memory grows: {samples:?}");
    let [before, after] = [early, late].map(|window| median(window, |sample| sample.tracked));
    println!("keys that the server tracks: {before}, then {after}");
    assert!(after <= before + before / 4 + 1_000, "the server's table grows: {samples:?}");
}

async fn work(cache: &Cache, server: &Arc<Server>, time: Duration) -> Vec<Sample> {
    let (began, is_over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let steps = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (cache, is_over, steps) = (cache.clone(), Arc::clone(&is_over), Arc::clone(&steps));
        tasks.spawn(async move {
            let mut random = fastrand::Rng::with_seed(task);
            while !is_over.load(Ordering::Relaxed) {
                let base = steps.fetch_add(1, Ordering::Relaxed) / STEPS_FOR_A_KEY;
                step(&cache, &mut random, base).await;
            }
        });
    }
    let samples = Arc::new(Mutex::new(Vec::new()));
    // Not on the runtime's threads, which it would hold up.
    let (watching, found) = (Arc::clone(server), Arc::clone(&samples));
    let sampler = tokio::task::spawn_blocking(move || {
        let pause = Duration::from_millis(250).min(time / 40);
        for round in 0_u32.. {
            if began.elapsed() >= time {
                return;
            }
            std::thread::sleep(pause);
            found.lock().expect("no panic").push(Sample::take(&watching));
            if round % 16 == 15 {
                watching.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            }
        }
    });
    sampler.await.expect("a server");
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    println!("{} steps in {time:?}", steps.load(Ordering::Relaxed));
    let samples = samples.lock().expect("no panic");
    samples.clone()
}

/// Once nobody calls any more, everything ends by itself.
async fn assert_nothing_left(cache: &Cache, tasks_before: usize) {
    until_async("everything has ended", PATIENCE, async || {
        let (stats, held) = (cache.stats(), cache.held_for_tests());
        let is_idle = (held.flights, held.lines, held.load_queues) == (0, 0, 0);
        // A connection has one, the heartbeat of copies another.
        let tasks = Handle::current().metrics().num_alive_tasks() - tasks_before;
        is_idle && stats.pending_invalidations == 0 && stats.running_reloads == 0 && tasks <= 3
    })
    .await;
    let (stats, held) = (cache.stats(), cache.held_for_tests());
    println!("{held:?}, {} copies of {} bytes", stats.local_copies, stats.local_bytes);
    // Copies of an earlier connection have no watch among these. No watch is without a copy.
    assert!(held.watches as u64 <= stats.local_copies, "{held:?}, {} copies", stats.local_copies);
    assert!(stats.local_bytes <= COPIES + (128 << 10), "{} bytes", stats.local_bytes);
    assert_eq!((stats.dropped_invalidations, stats.refused_invalidations), (0, 0));
}

#[test]
fn memory_stays_as_it_is_and_nothing_is_left_behind() {
    let seconds = std::env::var("CACHED_REDIS_SOAK_SECONDS").ok();
    let seconds = seconds.map_or(20, |seconds| seconds.parse().expect("a number of seconds"));
    let server = Arc::new(Server::start(available().last().expect("a server"), &[]));
    let cache = Cache::builder().url(server.url()).namespace(unique_namespace("soak"));
    let cache = cache.local_max_bytes(COPIES).build().expect("a URL");
    cache.install().expect("the only one");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
        let tasks_before = Handle::current().metrics().num_alive_tasks() - 1;
        let samples = work(&cache, &server, Duration::from_secs(seconds)).await;
        let stats = cache.stats();
        let of = |name: &str| stats.functions.iter().find(|function| function.name == name);
        let local: u64 = stats.functions.iter().map(|function| function.local_hits).sum();
        assert!(stats.reconnects > 0 && local > 100, "what it is about has happened: {stats:?}");
        assert!(of("soak:stale").is_some_and(|stale| stale.reloads > 0), "{stats:?}");
        assert_nothing_left(&cache, tasks_before).await;
        assert_flat(&samples);
    });
}
