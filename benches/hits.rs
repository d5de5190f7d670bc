//! Hits of an annotated function against a GET by hand: throughput, and CPU time of this process.
//!
//! `cargo bench --bench hits [-- [--quick] [--zipf] [TASKS ..]]`. With `--zipf`, few of the keys are asked
//! for often, and most seldom. `CACHED_REDIS_BENCH_CHECK=1` makes it fail below 0.9 of the
//! throughput or above 1.1 of the CPU time of the client as it comes. `CACHED_REDIS_TEST_SERVERS` and
//! `CACHED_REDIS_TEST_URL` choose the server, as for the tests.
//!
//! Rounds of all sides alternate, so that what else the machine does meets all of them. Throughput
//! is compared by the median of the ratios of each round; CPU time, which the system counts in
//! hundredths of a second, by the sums over all rounds.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cached_redis::redis::aio::MultiplexedConnection;
use cached_redis::redis::io::tcp::TcpSettings;
use cached_redis::redis::{AsyncCommands, AsyncConnectionConfig, Client, IntoConnectionInfo};
use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, available, poll, unique_namespace};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// Unless the command line says others.
const TASKS: [usize; 4] = [1, 16, 128, 512];
const KEYS: u64 = 1000;

const LEAST_THROUGHPUT: f64 = 0.9;
const MOST_CPU: f64 = 1.1;

/// For an answer of the server, on all sides: a machine that pauses makes a round slow, but no load and no failure.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    description: String,
    cents: u64,
    tags: Vec<String>,
}

/// Some 330 bytes of JSON.
fn product(id: u64) -> Product {
    Product {
        id,
        name: format!("Product {id}"),
        description: "Made by hand, from what the forest gives, for those who wait. ".repeat(4),
        cents: 100 * id,
        tags: ["kitchen", "oak", "new"].map(str::to_owned).to_vec(),
    }
}

#[redis_cached(ttl = 3600, prefix = "bench")]
async fn cached(id: u64) -> Result<Option<Product>, Infallible> {
    Ok(Some(product(id)))
}

async fn by_hand(mut connection: MultiplexedConnection, namespace: &str, id: u64) -> Product {
    let bytes: Vec<u8> = connection.get(format!("{namespace}:raw:{id}")).await.expect("a server");
    serde_json::from_slice(&bytes).expect("what was stored")
}

/// What is compared.
#[derive(Clone)]
enum Side {
    ByHand(MultiplexedConnection, &'static str),
    Cached,
}

impl Side {
    async fn call(&self, id: u64) -> Product {
        match self {
            Self::ByHand(connection, namespace) => by_hand(connection.clone(), namespace, id).await,
            Self::Cached => cached(id).await.expect("infallible").expect("a product"),
        }
    }

    /// As many calls as `tasks` tasks make in `time`.
    async fn round(&self, tasks: usize, order: &Arc<Order>, time: Duration) -> Round {
        let cpu = cpu_time();
        let started = Instant::now();
        let mut callers = JoinSet::new();
        for task in 0..tasks as u64 {
            let (side, order) = (self.clone(), Arc::clone(order));
            callers.spawn(async move {
                let mut calls = 0;
                while started.elapsed() < time {
                    let id = order.id(task, calls);
                    assert_eq!(side.call(id).await.id, id);
                    calls += 1;
                }
                calls
            });
        }
        let calls = callers.join_all().await.into_iter().sum::<u64>() as f64;
        let cpu = cpu_time().zip(cpu).map(|(after, before)| after - before);
        Round { calls, seconds: started.elapsed().as_secs_f64(), cpu: cpu.unwrap_or(f64::NAN) }
    }
}

/// The keys that tasks ask for, one after the other; each task begins elsewhere.
struct Order(Vec<u64>);

impl Order {
    /// All equally often.
    fn uniform() -> Self {
        Self((0..KEYS).map(|call| 7 * call % KEYS).collect())
    }

    /// The first twice as often as the second, three times as often as the third, and so on.
    fn zipf() -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let weights = (1..=KEYS).map(|rank| 1.0 / rank as f64);
        let sums: Vec<f64> = weights
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let whole = sums[sums.len() - 1];
        let mut id = || sums.partition_point(|sum| *sum < random.f64() * whole) as u64;
        Self((0..100 * KEYS).map(|_| id()).collect())
    }

    fn id(&self, task: u64, call: u64) -> u64 {
        // A prime, so that tasks do not run through the same keys side by side.
        self.0[(task * 7919 + call) as usize % self.0.len()]
    }
}

struct Round {
    calls: f64,
    seconds: f64,
    cpu: f64,
}

impl Round {
    fn per_second(&self) -> f64 {
        self.calls / self.seconds
    }
}

/// Seconds that this process has spent on a CPU; none where there is no `/proc`.
fn cpu_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name, may contain anything, also blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    // USER_HZ is 100 on every Linux that Rust runs on.
    Some((ticks()? + ticks()?) / 100.0)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of a call in microseconds.
fn cpu_per_call(rounds: &[Round]) -> f64 {
    let sum = |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>();
    1e6 * sum(|round| round.cpu) / sum(|round| round.calls)
}

/// How `ours` compares with `theirs`: throughput and CPU time.
fn ratios(ours: &[Round], theirs: &[Round]) -> (f64, f64) {
    let each = ours.iter().zip(theirs).map(|(our, their)| our.per_second() / their.per_second());
    (median(each), cpu_per_call(ours) / cpu_per_call(theirs))
}

async fn connect(url: &str, tcp: TcpSettings) -> MultiplexedConnection {
    let info = url.into_connection_info().expect("a URL").set_tcp_settings(tcp);
    let client = Client::open(info).expect("a URL");
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await.expect("a server")
}

/// Prints a row for each number of tasks; whether all are within the bounds.
async fn compare(url: &str, tasks: &[usize], order: Order, rounds: usize, time: Duration) -> bool {
    let order = Arc::new(order);
    let namespace: &'static str = unique_namespace("bench").leak();
    let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
    let cache = cache.expect("a URL");
    cache.install().expect("the only one");
    poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
    let mut plain = connect(url, TcpSettings::default()).await;
    let nodelay = connect(url, TcpSettings::default().set_nodelay(true)).await;
    for id in 0..KEYS {
        cached(id).await.expect("infallible");
        let json = serde_json::to_vec(&product(id)).expect("serializable");
        let () = plain
            .set_ex(format!("{namespace}:raw:{id}"), json, 3600)
            .await
            .expect("a server that takes it");
    }
    let sides = [Side::ByHand(plain, namespace), Side::ByHand(nodelay, namespace), Side::Cached];
    println!(
        "{:>5} | {:>9} {:>9} {:>9} | {:>5} {:>7} | {:>7} {:>7} {:>7} | {:>5} {:>7}",
        "tasks",
        "raw/s",
        "nodelay/s",
        "cached/s",
        "ratio",
        "nodelay",
        "raw µs",
        "nodelay",
        "cached",
        "ratio",
        "nodelay",
    );
    let mut within = true;
    for &tasks in tasks {
        let mut measured: [Vec<Round>; 3] = Default::default();
        for side in &sides {
            // Warm: connections, allocator, branch predictors.
            side.round(tasks, &order, time / 3).await;
        }
        for round in 0..rounds {
            for turn in 0..sides.len() {
                let side = (round + turn) % sides.len();
                measured[side].push(sides[side].round(tasks, &order, time).await);
            }
        }
        let [plain, nodelay, cached] = &measured;
        let per_second = |rounds: &[Round]| median(rounds.iter().map(Round::per_second));
        let (throughput, cpu) = ratios(cached, plain);
        let (throughput_nodelay, cpu_nodelay) = ratios(cached, nodelay);
        println!(
            "{tasks:>5} | {:>9.0} {:>9.0} {:>9.0} | {throughput:>5.2} {throughput_nodelay:>7.2} \
             | {:>7.2} {:>7.2} {:>7.2} | {cpu:>5.2} {cpu_nodelay:>7.2}",
            per_second(plain),
            per_second(nodelay),
            per_second(cached),
            cpu_per_call(plain),
            cpu_per_call(nodelay),
            cpu_per_call(cached),
        );
        // A CPU time that cannot be had is no failure.
        within &= throughput >= LEAST_THROUGHPUT && (cpu.is_nan() || cpu <= MOST_CPU);
    }
    let loads: u64 = cache.stats().functions.iter().map(|function| function.loads).sum();
    assert_eq!(loads, KEYS, "all the rest were hits");
    within
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    // `cargo test --benches` does not say `--bench`; it only wants to see that this runs.
    let quick =
        arguments.iter().any(|a| a == "--quick") || !arguments.iter().any(|a| a == "--bench");
    let mut tasks: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    if tasks.is_empty() {
        tasks.extend(TASKS);
    }
    let (rounds, time) = if quick { (3, 100) } else { (9, 300) };
    // The newest: what is compared are clients. None is ours if the user names one.
    let ours = available().last().map(|binary| Server::start(binary, &[]));
    let (server, url) = match &ours {
        Some(server) => (server.label(), server.url().to_owned()),
        None => ("CACHED_REDIS_TEST_URL", std::env::var("CACHED_REDIS_TEST_URL").expect("set")),
    };
    println!("hits on {server}, load average {}", load_average());
    println!(
        "raw: MultiplexedConnection as it comes, which leaves Nagle's algorithm on; nodelay: the same without it"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let order =
        if arguments.iter().any(|a| a == "--zipf") { Order::zipf() } else { Order::uniform() };
    let time = Duration::from_millis(time);
    let within = runtime.block_on(compare(&url, &tasks, order, rounds, time));
    println!("{rounds} rounds of {time:?} a side; load average {}\n", load_average());
    let checked = std::env::var("CACHED_REDIS_BENCH_CHECK").is_ok_and(|value| value == "1");
    if checked && !within {
        eprintln!(
            "hits are not within {LEAST_THROUGHPUT} of the throughput and {MOST_CPU} of the CPU time of the raw client"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
