//! What a hit, a miss and an invalidation take as there is more of everything: keys, bytes, tags, tasks. Beside `GET` and
//! `SET` of the raw client in the same run.
//!
//! `cargo bench --bench growth [-- --quick]`. Microseconds are those of the wall clock for each call, so with several tasks
//! they are less than a call takes. Rounds of all sides alternate, and what is printed is the median.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

mod figures;

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cached_redis::redis::aio::MultiplexedConnection;
use cached_redis::redis::io::tcp::TcpSettings;
use cached_redis::redis::{AsyncCommands, AsyncConnectionConfig, Client, IntoConnectionInfo, cmd};
use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, available, poll, unique_namespace};
use figures::{Table, digits, quantile};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    time: Duration,
    most_keys: u64,
}

/// Ids that no call has had before.
fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[redis_cached(ttl = "1h", prefix = "bench")]
async fn sized(id: u64, bytes: usize) -> String {
    text(id, bytes)
}

fn text(id: u64, bytes: usize) -> String {
    let mut text = format!("{id} ");
    text.extend("text ".chars().cycle().take(bytes.saturating_sub(text.len() + 2)));
    text
}

#[redis_cached(each(ids), of = one)]
async fn many(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[redis_cached(ttl = "1h", prefix = "bench")]
async fn one(id: u64) -> Option<u64> {
    Some(id)
}

#[redis_cached(ttl = "1h", prefix = "bench", local = "10s")]
async fn copied(id: u64) -> u64 {
    id
}

/// Functions with so many tags, of which one is different for each thousand ids.
macro_rules! tagged {
    ($($name:ident($($tag:literal),*);)*) => {$(
        #[redis_cached(ttl = "1h", prefix = "bench", tags = ["shelf:{shelf}", $($tag),*])]
        async fn $name(id: u64, shelf: u64) -> String {
            text(id + shelf, 100)
        }
    )*};
}

tagged! {
    one_tag();
    two_tags("a:1");
    four_tags("a:1", "b:1", "c:1");
    eight_tags("a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1");
}

/// The raw client's connection, with `TCP_NODELAY`, as the cache has it.
static RAW: OnceLock<MultiplexedConnection> = OnceLock::new();

fn raw() -> MultiplexedConnection {
    RAW.get().expect("connected").clone()
}

async fn raw_get(key: String) -> Option<Vec<u8>> {
    raw().get(key).await.expect("a server")
}

async fn raw_set(key: String, value: &[u8]) {
    let () = raw().set_ex(key, value, 3_600).await.expect("a server");
}

/// `GET` of what is not there, then `SET`.
async fn raw_fill(value: &[u8]) {
    let key = format!("raw:{}", fresh());
    assert!(raw_get(key.clone()).await.is_none());
    raw_set(key, value).await;
}

async fn raw_ping() {
    let _: String = cmd("PING").query_async(&mut raw()).await.expect("a server");
}

type Calling = Pin<Box<dyn Future<Output = ()> + Send>>;
/// One call of a side; which one of many it is.
type Side = Box<dyn Fn(u64) -> Calling + Send + Sync>;

fn side<F: Future<Output = ()> + Send + 'static>(
    call: impl Fn(u64) -> F + Send + Sync + 'static,
) -> Side {
    Box::new(move |count| Box::pin(call(count)))
}

/// Microseconds for each call, of each side.
async fn compare(effort: Effort, tasks: u64, sides: Vec<Side>) -> Vec<f64> {
    let sides: Vec<Arc<Side>> = sides.into_iter().map(Arc::new).collect();
    let mut found = vec![Vec::new(); sides.len()];
    let mut calls = vec![0; sides.len()];
    for (side, calls) in sides.iter().zip(&mut calls) {
        let trial = per_call(side, tasks, tasks * 20).await;
        *calls = (effort.time.as_secs_f64() * 1e6 / trial) as u64;
    }
    for _ in 0..effort.rounds {
        for (at, side) in sides.iter().enumerate() {
            found[at].push(per_call(side, tasks, calls[at]).await);
        }
    }
    found.iter().map(|rounds| quantile(rounds, 0.5)).collect()
}

async fn per_call(side: &Arc<Side>, tasks: u64, calls: u64) -> f64 {
    let each = (calls / tasks).max(1);
    let began = Instant::now();
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let side = Arc::clone(side);
        running.spawn(async move {
            for call in 0..each {
                // A prime: tasks do not run through the same keys side by side.
                side(task * 7919 + call).await;
            }
        });
    }
    running.join_all().await;
    began.elapsed().as_secs_f64() * 1e6 / (each * tasks) as f64
}

fn cells(first: impl ToString, found: &[f64]) -> Vec<String> {
    let numbers = found.iter().map(|value| digits(*value));
    std::iter::once(first.to_string()).chain(numbers).collect()
}

/// Bytes of memory of this process.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// How many copies are made. By default the server tracks a million keys at most.
const MOST_COPIES: u64 = 100_000;

async fn keys(cache: &Cache, effort: Effort) {
    let columns =
        ["keys", "raw GET, µs", "hit, µs", "hit on a copy, µs", "memory of a copy, bytes"];
    let mut table = Table::new("keys", &columns);
    let (mut filled, mut copies) = (0, 0);
    for keys in [1_000_u64, 10_000, 100_000, 1_000_000] {
        if keys > effort.most_keys {
            continue;
        }
        let warming =
            cache.warm(filled..keys, |ids| async move { Ok::<_, Infallible>(many(&ids).await) });
        warming.run().await.expect("a server");
        let chunk: Vec<_> = (filled..keys).collect();
        for ids in chunk.chunks(10_000) {
            let pairs: Vec<_> = ids.iter().map(|id| (format!("raw:{id}"), *id)).collect();
            let () = raw().mset(&pairs).await.expect("a server");
        }
        filled = keys;
        let sides = vec![
            side(move |call| async move {
                assert!(raw_get(format!("raw:{}", 7 * call % keys)).await.is_some());
            }),
            side(move |call| async move { assert!(one(7 * call % keys).await.is_some()) }),
        ];
        let mut row = cells(keys, &compare(effort, 16, sides).await);
        if keys <= MOST_COPIES {
            let before = resident();
            make_copies(cache, copies, keys).await;
            let each = (resident() - before) / (keys - copies);
            copies = keys;
            let hit =
                side(move |call| async move { assert!(copied(7 * call % keys).await < keys) });
            row.push(digits(compare(effort, 1, vec![hit]).await[0]));
            row.push(each.to_string());
        } else {
            row.extend(["".to_owned(), "".to_owned()]);
        }
        table.row(row);
    }
    table.print();
}

/// Asks for each of these until nearly all have copies.
async fn make_copies(cache: &Cache, first: u64, end: u64) {
    let deadline = Instant::now() + 4 * PATIENCE;
    while cache.stats().local_copies < end - end / 50 {
        assert!(Instant::now() < deadline, "{} copies", cache.stats().local_copies);
        let mut tasks = JoinSet::new();
        for task in 0..64 {
            tasks.spawn(async move {
                for id in (first + task..end).step_by(64) {
                    copied(id).await;
                }
            });
        }
        tasks.join_all().await;
    }
}

async fn values(effort: Effort) {
    let columns = [
        "bytes",
        "raw GET, µs",
        "hit, µs",
        "raw GET and SET, µs",
        "miss, µs",
        "GET, SET and a PING, µs",
    ];
    let mut table = Table::new("values", &columns);
    for bytes in [100_usize, 1_000, 10_000, 100_000, 1_000_000] {
        let value: Arc<[u8]> = text(0, bytes).into_bytes().into();
        raw_set(format!("raw:size:{bytes}"), &value).await;
        let other = Arc::clone(&value);
        let sides = vec![
            side(move |_| async move { drop(raw_get(format!("raw:size:{bytes}")).await) }),
            side(move |_| async move { drop(sized(1, bytes).await) }),
            side(move |_| {
                let value = Arc::clone(&value);
                async move { raw_fill(&value).await }
            }),
            side(move |_| async move { drop(sized(fresh(), bytes).await) }),
            side(move |_| {
                let value = Arc::clone(&other);
                async move {
                    raw_fill(&value).await;
                    raw_ping().await;
                }
            }),
        ];
        table.row(cells(bytes, &compare(effort, 1, sides).await));
        // What the misses have left takes a gigabyte.
        let () = cmd("FLUSHALL").query_async(&mut raw()).await.expect("a server");
    }
    table.print();
}

async fn tags(cache: &Cache, effort: Effort) {
    let mut table = Table::new("tags", &["tags", "hit, µs", "miss, µs", "invalidation of one, µs"]);
    macro_rules! row {
        ($tags:literal, $call:expr) => {{
            let cache = cache.clone();
            let sides = vec![
                side(|call| async move { drop($call(call % 1_000, 0).await) }),
                side(|_| async move { drop($call(fresh(), 0).await) }),
                side(move |call| {
                    let cache = cache.clone();
                    async move {
                        let tag = format!("shelf:{}", 1 + call % 1_000);
                        cache.invalidate_tag(&tag).await.expect("a server");
                    }
                }),
            ];
            table.row(cells($tags, &compare(effort, 1, sides).await));
        }};
    }
    row!(0, |id, _: u64| sized(id, 100));
    row!(1, one_tag);
    row!(2, two_tags);
    row!(4, four_tags);
    row!(8, eight_tags);
    table.print();
}

async fn tasks(effort: Effort) {
    let columns = ["tasks", "raw GET, µs", "hit, µs", "raw GET and SET, µs", "miss, µs"];
    let mut table = Table::new("tasks", &columns);
    raw_set("raw:1".to_owned(), text(1, 100).as_bytes()).await;
    let value: Arc<[u8]> = text(0, 100).into_bytes().into();
    for tasks in [1_u64, 4, 16, 64, 128, 512] {
        let value = Arc::clone(&value);
        let sides = vec![
            side(|_| async { drop(raw_get("raw:1".to_owned()).await) }),
            side(|call| async move { drop(sized(call % 1_000, 100).await) }),
            side(move |_| {
                let value = Arc::clone(&value);
                async move { raw_fill(&value).await }
            }),
            side(|_| async move { drop(sized(fresh(), 100).await) }),
        ];
        table.row(cells(tasks, &compare(effort, tasks, sides).await));
    }
    table.print();
}

async fn connect(url: &str) -> MultiplexedConnection {
    let tcp = TcpSettings::default().set_nodelay(true);
    let info = url.into_connection_info().expect("a URL").set_tcp_settings(tcp);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = Client::open(info).expect("a URL");
    client.get_multiplexed_async_connection_with_config(&config).await.expect("a server")
}

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, time, most_keys) = if is_quick { (1, 5, 1_000) } else { (5, 150, 1_000_000) };
    let effort = Effort { rounds, time: Duration::from_millis(time), most_keys };
    let server = Server::start(available().last().expect("a server"), &[]);
    let cache = Cache::builder().url(server.url()).namespace(unique_namespace("growth"));
    let cache = cache.budget(PATIENCE).local_max_bytes(1 << 30).build().expect("a URL");
    cache.install().expect("the only one");
    Runtime::new().expect("a runtime").block_on(async {
        poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
        RAW.set(connect(server.url()).await).expect("the only one");
        tasks(effort).await;
        tags(&cache, effort).await;
        keys(&cache, effort).await;
        values(effort).await;
    });
}
