//! Behind sentinels: the primary is found, left when another takes over, and not used again.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, CacheBuilder, Credentials, redis_cached};
use cached_redis_test_support::sentinel::{NAME, Passwords, Sentinels};
use cached_redis_test_support::{Stopwatch, each_binary, poll, unique_namespace};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

const BUDGET: Duration = Duration::from_millis(100);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);
/// From the moment that the sentinels name another primary. Less than the period in which they are asked anyway.
const FOLLOWED: Duration = Duration::from_secs(3);

/// Where values come from.
#[derive(Clone, Default)]
struct Source(Arc<Inner>);

#[derive(Default)]
struct Inner {
    version: AtomicU64,
    loads: AtomicU64,
}

impl Source {
    fn loads(&self) -> u64 {
        self.0.loads.load(Ordering::SeqCst)
    }

    fn write(&self) {
        self.0.version.fetch_add(1, Ordering::SeqCst);
    }
}

#[redis_cached(ttl = 600, prefix = "sentinel", key(id), jitter = 0.0)]
async fn value(id: u64, source: &Source, gate: Option<&Notify>) -> (u64, u64) {
    source.0.loads.fetch_add(1, Ordering::SeqCst);
    let version = source.0.version.load(Ordering::SeqCst);
    if let Some(gate) = gate {
        gate.notified().await;
    }
    (id, version)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn cache_of(builder: CacheBuilder) -> Cache {
    builder.namespace(unique_namespace("sentinel")).budget(BUDGET).build().expect("settings")
}

async fn connected(builder: CacheBuilder) -> Cache {
    let cache = cache_of(builder);
    let mut last = String::new();
    poll::until_async("connected", PATIENCE, async || {
        let ping = cache.health().await.ping;
        last = format!("{ping:?}");
        ping.is_ok()
    })
    .await;
    cache
}

fn url(all: &Sentinels) -> CacheBuilder {
    Cache::builder().url(format!("redis+sentinel://{}/{NAME}", all.hosts()))
}

/// Whether a second call is a hit.
async fn hits(cache: &Cache, source: &Source, id: u64) -> bool {
    cache.scope(value(id, source, None)).await;
    let before = source.loads();
    assert_eq!(cache.scope(value(id, source, None)).await.0, id);
    source.loads() == before
}

/// What keeps `health` from a connection.
async fn refusal(cache: &Cache, expected: &str) -> String {
    let mut text = String::new();
    let mut found = async || {
        text = cache
            .health()
            .await
            .ping
            .map_or_else(|error| format!("{error} {error:?}"), |_| "up".into());
        text.contains(expected)
    };
    poll::until_async(format!("health says {expected:?}"), PATIENCE, &mut found).await;
    text
}

/// A load that begins before an invalidation leaves nothing behind.
async fn is_fenced(cache: &Cache, source: &Source, id: u64) {
    let gate = Arc::new(Notify::new());
    let loads = source.loads();
    let load = tokio::spawn({
        let (cache, source, gate) = (cache.clone(), source.clone(), Arc::clone(&gate));
        async move { cache.scope(value(id, &source, Some(&gate))).await }
    });
    poll::until_async("loading", PATIENCE, async || source.loads() > loads).await;
    source.write();
    cache.scope(value_invalidate(id)).await.expect("a primary");
    gate.notify_one();
    load.await.unwrap();
    let version = source.0.version.load(Ordering::SeqCst);
    assert_eq!(cache.scope(value(id, source, None)).await, (id, version));
}

#[test]
fn a_primary_that_is_killed_under_load_is_replaced_and_no_call_fails_or_waits() {
    each_binary(|binary| {
        let all = Sentinels::start(binary);
        runtime().block_on(async {
            let cache = connected(url(&all)).await;
            let source = Source::default();
            assert!(hits(&cache, &source, 1).await);
            let is_over = Arc::new(AtomicBool::new(false));
            let callers: Vec<_> = (0..8)
                .map(|caller| {
                    tokio::spawn(call(caller, cache.clone(), source.clone(), Arc::clone(&is_over)))
                })
                .collect();
            let old = all.primary();
            all.server(old).kill();
            let new = tokio::task::block_in_place(|| all.until_failed_over(old));
            let stopwatch = Stopwatch::start();
            poll::until_async("hits are back", PATIENCE, async || hits(&cache, &source, 2).await)
                .await;
            let took = stopwatch.elapsed();
            is_over.store(true, Ordering::Relaxed);
            let mut slowest = Duration::ZERO;
            let mut calls = 0;
            for caller in callers {
                let (count, longest) = caller.await.expect("no call fails");
                calls += count;
                slowest = slowest.max(longest);
            }
            eprintln!(
                "hits back {took:?} after the failover; {calls} calls, the slowest {slowest:?}"
            );
            assert!(took < FOLLOWED, "{took:?}");
            assert!(slowest < BUDGET + SLACK, "{slowest:?}");
            assert_ne!(all.server(new).command(&["DBSIZE"]), "0");
            is_fenced(&cache, &source, 3).await;
        });
    });
}

/// Calls until it is over: how often, and how long the slowest took.
async fn call(
    caller: u64,
    cache: Cache,
    source: Source,
    is_over: Arc<AtomicBool>,
) -> (u64, Duration) {
    let (mut calls, mut slowest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let id = 100 + (caller + calls) % 50;
        let stopwatch = Stopwatch::start();
        assert_eq!(cache.scope(value(id, &source, None)).await.0, id);
        slowest = slowest.max(stopwatch.elapsed());
        calls += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (calls, slowest)
}

// The old primary stays one, and answers, for some seconds; its connections stay open.
#[test]
fn a_failover_by_hand_is_followed_when_it_is_reported() {
    each_binary(|binary| {
        let all = Sentinels::start(binary);
        runtime().block_on(async {
            let cache = connected(Cache::builder().sentinel(all.urls(), NAME)).await;
            let source = Source::default();
            assert!(hits(&cache, &source, 1).await);
            // Otherwise they are asked each second, which would be as quick.
            poll::until_async("subscribed", PATIENCE, async || all.subscribers() == 1).await;
            tokio::task::block_in_place(|| all.fail_over());
            let new = tokio::task::block_in_place(|| all.until_failed_over(0));
            let stopwatch = Stopwatch::start();
            let mut id = 10;
            poll::until_async("entries are on the new primary", PATIENCE, async || {
                id += 1;
                cache.scope(value(id, &source, None)).await;
                let key: String =
                    cache.scope(async { value_entry(id).key().expect("a key") }).await;
                all.server(new).command(&["EXISTS", &key]) == "1"
                    && all.server(0).command(&["EXISTS", &key]) == "0"
            })
            .await;
            let took = stopwatch.elapsed();
            eprintln!(
                "followed after {took:?}; the old one is {}",
                all.server(0).command(&["ROLE"]).lines().next().unwrap()
            );
            assert!(took < FOLLOWED, "{took:?}");
            is_fenced(&cache, &source, 3).await;
        });
    });
}

#[test]
fn a_primary_that_was_paused_is_not_used_again() {
    each_binary(|binary| {
        let all = Sentinels::start(binary);
        runtime().block_on(async {
            let cache = connected(url(&all)).await;
            let source = Source::default();
            assert!(hits(&cache, &source, 1).await);
            all.server(0).stop();
            // It is asked meanwhile, and silent.
            cache.scope(value(1, &source, None)).await;
            let stays_away = std::thread::scope(|scope| {
                scope.spawn(|| all.until_failed_over(0)).join().expect("a failover")
            });
            source.write();
            poll::until_async("hits are back", PATIENCE, async || hits(&cache, &source, 2).await)
                .await;
            cache.scope(value_invalidate(1)).await.expect("a primary");
            all.server(0).cont();
            all.server(0).reset_commandstats();
            let stopwatch = Stopwatch::start();
            while stopwatch.elapsed() < Duration::from_secs(2) {
                // The old one still has what it had.
                assert_eq!(cache.scope(value(1, &source, None)).await, (1, 1));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(all.server(0).commandstats().get("get"), None);
            assert!(all.server(stays_away).commandstats().contains_key("get"));
        });
    });
}

#[test]
fn passwords_of_servers_and_of_sentinels_are_each_given_to_whom_they_belong() {
    each_binary(|binary| {
        let passwords = Passwords { servers: Some("of-servers"), sentinels: Some("of-sentinels") };
        let all = Sentinels::start_with(binary, passwords);
        let hosts = all.hosts();
        runtime().block_on(async {
            let source = Source::default();
            let login = format!("redis+sentinel://:of-servers@{hosts}/{NAME}");
            let cache = connected(
                Cache::builder().url(format!("{login}/3?sentinel_password=of-sentinels")),
            )
            .await;
            assert!(hits(&cache, &source, 1).await);
            assert!(all.server(0).info("db3").is_some(), "in its database");

            let urls = all.urls().into_iter().map(|url| url.replace("//", "//:of-sentinels@"));
            let credentials = async || Ok::<_, ()>(Credentials::password("of-servers"));
            let listed = Cache::builder().sentinel(urls, NAME).credentials(credentials);
            assert!(hits(&connected(listed).await, &source, 1).await);

            for (wrong, expected) in [
                (format!("{login}?sentinel_password=s3cret"), "a sentinel refuses"),
                (login.clone(), "a sentinel refuses"),
                (
                    format!(
                        "redis+sentinel://:s3cret@{hosts}/{NAME}?sentinel_password=of-sentinels"
                    ),
                    "not accepted",
                ),
                (
                    format!("{login}/99?sentinel_password=of-sentinels"),
                    "no database of that number",
                ),
            ] {
                let text = refusal(&cache_of(Cache::builder().url(wrong)), expected).await;
                assert!(!text.contains("s3cret") && !text.contains("of-se"), "{text}");
            }
        });
    });
}

#[test]
fn without_a_primary_health_says_why_and_calls_answer() {
    each_binary(|binary| {
        let all = Sentinels::start(binary);
        let hosts = all.hosts();
        all.monitor("misled", 1);
        let nobody = "127.0.0.1:1,127.0.0.1:2";
        runtime().block_on(async {
            let source = Source::default();
            for (url, expected) in [
                (
                    format!("redis+sentinel://{hosts}/other"),
                    "the sentinels know no primary of that name",
                ),
                (format!("redis+sentinel://{nobody}/{NAME}"), "no sentinel answers"),
                (format!("redis+sentinel://{hosts}/misled"), "is not a primary now"),
                // A server that is no sentinel.
                (
                    format!("redis+sentinel://127.0.0.1:{}/{NAME}", all.server(0).port()),
                    "a sentinel refuses",
                ),
            ] {
                let cache = cache_of(Cache::builder().url(url));
                let stopwatch = Stopwatch::start();
                for id in 0..20 {
                    assert_eq!(cache.scope(value(id, &source, None)).await.0, id);
                }
                let took = stopwatch.elapsed();
                assert!(took < Duration::from_secs(1), "20 calls, {expected}: {took:?}");
                refusal(&cache, expected).await;
            }
            // Those that are away do no harm.
            let url = format!("redis+sentinel://{nobody},{hosts}/{NAME}");
            assert!(hits(&connected(Cache::builder().url(url)).await, &source, 1).await);
        });
    });
}
