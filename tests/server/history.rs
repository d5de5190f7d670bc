//! A history checker: every read is held against the invalidations that had completed when it began.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::history::{History, Report, Source};
use cached_redis_test_support::{Server, each_binary, unique_namespace};
use tokio::task::JoinSet;

const KEYS: usize = 20;
const READERS: usize = 32;
const WRITERS: usize = 4;

/// How long the run with the fence takes in all; `CACHED_REDIS_HISTORY_SECONDS` makes it longer.
fn length() -> Duration {
    let asked = std::env::var("CACHED_REDIS_HISTORY_SECONDS").ok();
    Duration::from_secs(asked.and_then(|text| text.parse().ok()).unwrap_or(30))
}

#[derive(Clone)]
struct Node {
    cache: Cache,
    source: Arc<Source>,
    history: Arc<History>,
}

impl Node {
    #[redis_cached(ttl = "2s", prefix = "history", skip(self), lock = "20ms", cache = self.cache)]
    async fn version(&self, key: usize) -> u64 {
        self.source.load(key).await
    }

    async fn read(&self, key: usize) {
        let floor = self.history.floor(key);
        let value = self.version(key).await;
        self.history.observe(key, floor, value);
    }

    async fn write(&self, key: usize, all: bool) {
        let version = self.source.write(key);
        let invalidated = if all {
            self.version_invalidate_all().await
        } else {
            self.version_invalidate(key).await
        };
        if invalidated.is_ok() {
            self.history.completed(key, version);
        }
    }
}

/// Readers and writers on two nodes with a connection each, under evictions and cut connections.
async fn run(server: &Server, length: Duration, fenced: bool) -> Report {
    let source = Arc::new(Source::new(KEYS, Duration::ZERO..=Duration::from_millis(15)));
    let history = Arc::new(History::new(KEYS));
    let namespace = unique_namespace("history");
    let nodes: Vec<_> = (0..2)
        .map(|_| {
            let cache = Cache::builder().url(server.url()).namespace(&namespace).build();
            let cache = cache.expect("a URL");
            if !fenced {
                cache.break_for_tests(cached_redis_runtime::Rule::Fence);
            }
            Node { cache, source: Arc::clone(&source), history: Arc::clone(&history) }
        })
        .collect();
    let end = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for reader in 0..READERS {
        let node = nodes[reader % nodes.len()].clone();
        tasks.spawn(async move {
            while Instant::now() < end {
                node.read(fastrand::usize(..KEYS)).await;
            }
        });
    }
    for writer in 0..WRITERS {
        let node = nodes[writer % nodes.len()].clone();
        tasks.spawn(async move {
            while Instant::now() < end {
                node.write(fastrand::usize(..KEYS), fastrand::u32(..50) == 0).await;
                tokio::time::sleep(Duration::from_millis(fastrand::u64(..10))).await;
            }
        });
    }
    let trouble = async {
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(100..300))).await;
            match fastrand::u32(..3) {
                0 => drop(server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])),
                1 => drop(server.command(&["SCRIPT", "FLUSH"])),
                _ => {
                    let key = nodes[0].version_entry(fastrand::usize(..KEYS));
                    server.command(&["DEL", key.key().expect("a key")]);
                }
            }
        }
    };
    trouble.await;
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    history.report(&source)
}

#[test]
fn thirty_seconds_without_a_stale_read() {
    each_together(|server| async move {
        let report = run(server, length(), true).await;
        eprintln!("{}: {report}", server.label());
        assert_eq!(report.stale, 0, "{report}");
        assert!(report.hits > 1000, "the cache was used: {report}");
    });
}

#[test]
fn without_the_fence_the_checker_finds_stale_reads() {
    each_together(|server| async move {
        let report = run(server, Duration::from_secs(3), false).await;
        eprintln!("{}, unfenced: {report}", server.label());
        assert!(report.stale > 0, "the checker is blind: {report}");
    });
}

/// Runs a test on a server of each kind at the same time: it takes its time, but little work.
fn each_together<F: Future<Output = ()> + Send + 'static>(test: impl Fn(&'static Server) -> F) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runs = JoinSet::new();
    each_binary(|binary| {
        // For the rest of the process, which the server does not outlive.
        let server: &'static Server = Box::leak(Box::new(Server::start(binary, &[])));
        runs.spawn_on(test(server), runtime.handle());
    });
    runtime.block_on(async {
        while let Some(done) = runs.join_next().await {
            done.expect("no stale read");
        }
    });
}
