//! 500 callers of one cold key, whose load takes 100 ms: how many loads, and how long until the last
//! caller has its answer. In one process and over four; against a cache-aside written by hand.
//!
//! `cargo bench --bench stampede [-- --quick]`. `CACHED_REDIS_TEST_SERVERS` and
//! `CACHED_REDIS_TEST_URL` choose the servers, as for the tests.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cached_redis::redis::aio::MultiplexedConnection;
use cached_redis::redis::{AsyncCommands, AsyncConnectionConfig, Client};
use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Server, each_server, poll, unique_namespace};
use tokio::task::JoinSet;

const CALLERS: usize = 500;
const LOAD: Duration = Duration::from_millis(100);

/// For an answer of the server, on both sides.
const PATIENCE: Duration = Duration::from_secs(10);

static LOADS: AtomicU64 = AtomicU64::new(0);

async fn load(id: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(LOAD).await;
    id
}

#[redis_cached(ttl = 60, prefix = "bench")]
async fn cached(id: u64) -> u64 {
    load(id).await
}

async fn aside(mut connection: MultiplexedConnection, namespace: &str, id: u64) -> u64 {
    let key = format!("{namespace}:aside:{id}");
    if let Some(found) = connection.get(&key).await.expect("a server") {
        return found;
    }
    let loaded = load(id).await;
    let () = connection.set_ex(key, loaded, 60).await.expect("a server");
    loaded
}

/// In a child: for each line `how id`, asks for that entry from all callers at once; says the loads.
async fn calls(url: &str, namespace: &'static str, callers: usize) {
    let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
    let cache = cache.expect("a URL");
    cache.install().expect("the only one");
    poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
    let client = Client::open(url).expect("a URL");
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let connection = connection.expect("a server");
    process::say("ready");
    while let Some(order) = process::hear() {
        let (how, id) = order.split_once(' ').expect("two words");
        let id = id.parse().expect("a number");
        let before = LOADS.load(Ordering::SeqCst);
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            match how {
                "cached" => tasks.spawn(cached(id)),
                _ => tasks.spawn(aside(connection.clone(), namespace, id)),
            };
        }
        assert!(tasks.join_all().await.iter().all(|answer| *answer == id));
        process::say(&(LOADS.load(Ordering::SeqCst) - before).to_string());
    }
}

/// Loads of all rounds, and the median of the times to the last answer.
struct Outcome {
    loads: f64,
    last_answer: f64,
}

fn stampede(children: &mut [Child], how: &str, ids: std::ops::Range<u64>) -> Outcome {
    let rounds = (ids.end - ids.start) as f64;
    let mut loads = 0;
    let mut times = Vec::new();
    for id in ids {
        let started = Instant::now();
        for child in &mut *children {
            child.send(&format!("{how} {id}"));
        }
        for child in &mut *children {
            loads += child.line().parse::<u64>().expect("a number");
        }
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Outcome { loads: loads as f64 / rounds, last_answer: times[times.len() / 2] }
}

fn compare(server: &Server, processes: usize, rounds: u64) {
    let namespace = unique_namespace("bench");
    let callers = (CALLERS / processes).to_string();
    let mut children: Vec<_> = (0..processes)
        .map(|_| Child::spawn_self("callers", "", &[server.url(), &namespace, &callers]))
        .collect();
    for child in &mut children {
        assert_eq!(child.line(), "ready");
    }
    // The first of each warms up.
    stampede(&mut children, "cached", 0..1);
    stampede(&mut children, "aside", 0..1);
    let ours = stampede(&mut children, "cached", 1..rounds + 1);
    let theirs = stampede(&mut children, "aside", 1..rounds + 1);
    println!(
        "{:>10} | {processes} x {callers:>3} | {:>7.1} {:>7.1} ms | {:>7.1} {:>7.1} ms | {:>7.4} {:>7.2}",
        server.label(),
        ours.loads,
        ours.last_answer,
        theirs.loads,
        theirs.last_answer,
        ours.loads / theirs.loads,
        ours.last_answer / theirs.last_answer,
    );
    for child in children {
        assert!(child.finish(), "a child failed");
    }
}

fn main() {
    if let Some(arguments) = process::role("callers") {
        let [url, namespace, callers] = &arguments[..] else { panic!("{arguments:?}") };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let callers = callers.parse().expect("a number");
        runtime.block_on(calls(url, namespace.clone().leak(), callers));
        return;
    }
    let arguments: Vec<_> = std::env::args().collect();
    // `cargo test --benches` does not say `--bench`; it only wants to see that this runs.
    let quick =
        arguments.iter().any(|a| a == "--quick") || !arguments.iter().any(|a| a == "--bench");
    let rounds = if quick { 3 } else { 9 };
    println!(
        "{CALLERS} callers of one cold key, a load takes {LOAD:?}; mean of loads, median of times to the last answer"
    );
    println!(
        "{:>10} | callers | {:>18} | {:>18} | {:>15}",
        "server", "cached: loads, time", "cache-aside: same", "ratios"
    );
    each_server(|server| {
        for processes in [1, 4] {
            compare(server, processes, rounds);
        }
    });
}
