//! How long a copy in this process still answers after another process has removed its entry.
//!
//! `cargo bench --bench removals [-- --quick]`. The other process is this program again. It says when its invalidation has
//! returned; here, tasks ask for the entry all the time, and note when the last call began that was answered with the old
//! value. Both read the clock of one machine. A call that began before the invalidation returned counts as 0.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

mod figures;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Server, available, poll, unique_namespace};
use figures::{Table, digits, quantile};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(20);
const TASKS: [u64; 3] = [1, 2, 64];
const KEYS: u64 = 100;

/// After so many hits a task lets others run. A hit on a copy never waits, so a task that does nothing else would keep its
/// thread for itself, and the connection from being read.
const HITS_IN_A_ROW: u64 = 16;

/// How often the source was asked: a value of its own for each load.
static LOADS: AtomicU64 = AtomicU64::new(0);

#[redis_cached(ttl = "1h", prefix = "bench", local = "10s")]
async fn value(id: u64) -> u64 {
    id * 1_000_000 + LOADS.fetch_add(1, Ordering::Relaxed)
}

fn cache(url: &str, namespace: &str) -> Cache {
    let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
    let cache = cache.expect("a URL");
    cache.install().expect("the only one");
    cache
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_nanos()).expect("before 2554")
}

/// The other process: removes the entries that it hears of.
fn remover(url: &str, namespace: &str) {
    cache(url, namespace);
    Runtime::new().expect("a runtime").block_on(async {
        value_invalidate(0).await.expect("a server");
        process::say("ready");
        while let Some(id) = process::hear() {
            value_invalidate(id.parse().expect("an id")).await.expect("a server");
            process::say(&now().to_string());
        }
    });
}

/// What the readers are after.
#[derive(Default)]
struct Target {
    id: AtomicU64,
    old: AtomicU64,
    /// When the last call began that was answered with the old value.
    last_old: AtomicU64,
    is_replaced: AtomicBool,
    is_over: AtomicBool,
    hits: AtomicU64,
}

async fn read(target: Arc<Target>, task: u64) {
    for round in task.. {
        if target.is_over.load(Ordering::Relaxed) {
            return;
        }
        for hit in 0..HITS_IN_A_ROW / 2 {
            let id = target.id.load(Ordering::Acquire);
            let (old, began) = (target.old.load(Ordering::Acquire), now());
            let found = value(id).await;
            if found == old {
                target.last_old.fetch_max(began, Ordering::AcqRel);
            } else if found > old && found / 1_000_000 == target.id.load(Ordering::Acquire) {
                target.is_replaced.store(true, Ordering::Release);
            }
            value((round * HITS_IN_A_ROW + hit) % KEYS).await;
        }
        target.hits.fetch_add(HITS_IN_A_ROW, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

/// Until a call is answered with a copy.
async fn copied(cache: &Cache, id: u64) -> u64 {
    let hits = || cache.stats().functions.iter().map(|function| function.local_hits).sum::<u64>();
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "copies are made: {:?}", cache.stats());
        let before = hits();
        let found = value(id).await;
        if hits() > before {
            return found;
        }
    }
}

/// Microseconds for each round, and hits in a second.
async fn removals(cache: &Cache, other: &mut Child, tasks: u64, rounds: u64) -> (Vec<f64>, f64) {
    let target = Arc::<Target>::default();
    let mut readers = JoinSet::new();
    for task in 0..tasks {
        readers.spawn(read(Arc::clone(&target), task));
    }
    let (began, mut found) = (Instant::now(), Vec::new());
    for round in 0..rounds {
        let id = round % KEYS;
        let old = copied(cache, id).await;
        target.is_replaced.store(false, Ordering::Release);
        target.last_old.store(0, Ordering::Release);
        target.old.store(old, Ordering::Release);
        target.id.store(id, Ordering::Release);
        poll::until_async("it is asked for", PATIENCE, async || {
            target.last_old.load(Ordering::Acquire) != 0
        })
        .await;
        other.send(&id.to_string());
        let returned: u64 = tokio::task::block_in_place(|| other.line()).parse().expect("a time");
        poll::until_async("the copy is gone", PATIENCE, async || {
            target.is_replaced.load(Ordering::Acquire)
        })
        .await;
        let late = target.last_old.load(Ordering::Acquire).saturating_sub(returned);
        found.push(late as f64 / 1e3);
    }
    target.is_over.store(true, Ordering::Relaxed);
    readers.join_all().await;
    let hits = target.hits.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    (found, hits)
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--remover") {
        return remover(&arguments[at + 1], &arguments[at + 2]);
    }
    let rounds = if arguments.iter().any(|argument| argument == "--quick") { 30 } else { 500 };
    let server = Server::start(available().last().expect("a server"), &[]);
    let namespace = unique_namespace("removals");
    let mut command = Command::new(std::env::current_exe().expect("a running program has a path"));
    command.args(["--remover", server.url(), &namespace]);
    let mut other = Child::spawn(command);
    assert_eq!(other.line(), "ready");
    let cache = cache(server.url(), &namespace);
    let columns = ["tasks that ask", "hits a second", "half, µs", "99 %, µs", "longest, µs"];
    let mut table = Table::new("removals", &columns);
    Runtime::new().expect("a runtime").block_on(async {
        poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
        for tasks in TASKS {
            let (found, hits) = removals(&cache, &mut other, tasks, rounds).await;
            let at = |share: f64| digits(quantile(&found, share));
            table.row(vec![tasks.to_string(), format!("{hits:.0}"), at(0.5), at(0.99), at(1.0)]);
        }
    });
    table.print();
}
