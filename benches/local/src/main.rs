//! A hit on a copy in the process, the whole annotated call, beside bare look-ups of an `Arc` in `quick_cache`, `moka` and
//! `foyer`, and beside whole calls of functions that other crates annotate: `cached`, `hitbox` and `cacheable`.
//!
//! `cargo run --release [-- --quick]` in this folder. It starts a server of its own, on a free loopback port. Rounds of all
//! sides alternate, so that what else the machine does meets all of them; what is printed is the median of each.

#[path = "../../figures/mod.rs"]
mod figures;
mod peers;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, available};
use figures::{Table, digits, quantile};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

const KEYS: u64 = 1_000;
const THREADS: [u64; 2] = [1, 2];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    id: u64,
    name: String,
}

impl Product {
    fn new(id: u64) -> Arc<Self> {
        Arc::new(Self { id, name: format!("product {id}") })
    }
}

#[redis_cached(ttl = "10m", prefix = "bench", local = "10s")]
async fn product(id: u64) -> Arc<Product> {
    Product::new(id)
}

/// Hits, in one way: so many of each of so many threads. Nanoseconds for each hit of a thread.
type Round<'a> = Box<dyn Fn(u64, u64) -> f64 + 'a>;

struct Side<'a> {
    name: &'static str,
    gives: &'static str,
    round: Round<'a>,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, gives: &'static str, round: impl Fn(u64, u64) -> f64 + 'a) -> Self {
        Self { name, gives, round: Box::new(round) }
    }
}

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, hits) = if is_quick { (1, 100_000) } else { (7, 300_000) };
    let binary = available().last().expect("a server");
    let server = Server::start(binary, &[]);
    let cache = Cache::builder().url(server.url()).namespace("bench").build().expect("a URL");
    cache.install().expect("no other cache");
    peers::start_cacheable();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(copied(&cache));

    let sides = sides(&runtime);
    let found = THREADS.map(|threads| {
        // Every side fills its cache.
        sides.iter().for_each(|side| _ = (side.round)(threads, 2 * KEYS));
        medians(&sides, rounds, |side| (side.round)(threads, hits))
    });
    let columns =
        ["", "a hit gives", "1 thread, ns", "of ours", "2 threads, ns", "of ours, 2 threads"];
    let mut table = Table::new("local", &columns);
    for (at, side) in sides.iter().enumerate() {
        let cells = found.each_ref().map(|of| [of[at], of[at] / of[0]].map(digits));
        let names = [side.name, side.gives].map(str::to_owned);
        table.row([names, cells[0].clone(), cells[1].clone()].concat());
    }
    table.print();
    let stats = cache.stats();
    let value = serde_size();
    println!(
        "{} copies of {value} bytes take {} bytes each beside their values, as they are counted",
        stats.local_copies,
        stats.local_bytes / stats.local_copies - value
    );
}

/// Ours first.
fn sides(runtime: &Runtime) -> Vec<Side<'_>> {
    let quick = quick_cache::sync::Cache::new(2 * KEYS as usize);
    let moka = moka::sync::Cache::new(2 * KEYS);
    let foyer: foyer_memory::Cache<u64, Arc<Product>> =
        foyer_memory::CacheBuilder::new(20 * KEYS as usize).build();
    for id in 0..KEYS {
        quick.insert(id, Product::new(id));
        moka.insert(id, Product::new(id));
        foyer.insert(id, Product::new(id));
    }
    vec![
        Side::new("`#[redis_cached(local = ..)]`", "`Arc`", |threads, hits| {
            awaited(runtime, threads, hits, |id| async move { drop(black_box(product(id).await)) })
        }),
        Side::new("`#[cached]`", "`Arc`", |threads, hits| {
            let call = |id| async move { drop(black_box(peers::cached_plain(id).await)) };
            awaited(runtime, threads, hits, call)
        }),
        Side::new("`#[concurrent_cached]`", "`Arc`", |threads, hits| {
            let call = |id| async move { drop(black_box(peers::cached_sharded(id).await)) };
            awaited(runtime, threads, hits, call)
        }),
        Side::new("`cacheable`", "`Arc`", |threads, hits| {
            let call = |id| async move { drop(black_box(peers::cacheable(id).await)) };
            awaited(runtime, threads, hits, call)
        }),
        Side::new("`hitbox` with moka", "a decoded value", |threads, hits| {
            let call = |id| async move { drop(black_box(peers::hitbox_moka(id).await)) };
            awaited(runtime, threads, hits, call)
        }),
        Side::new("`quick_cache`, bare", "`Arc`", move |threads, hits| {
            threaded(threads, hits, |id| drop(black_box(quick.get(&id))))
        }),
        Side::new("`moka`, bare", "`Arc`", move |threads, hits| {
            threaded(threads, hits, |id| drop(black_box(moka.get(&id))))
        }),
        Side::new("`foyer`, bare", "a handle", move |threads, hits| {
            threaded(threads, hits, |id| drop(black_box(foyer.get(&id))))
        }),
    ]
}

/// Of each side, the median of its rounds.
fn medians(sides: &[Side<'_>], rounds: usize, run: impl Fn(&Side<'_>) -> f64) -> Vec<f64> {
    let mut of_each = vec![Vec::new(); sides.len()];
    for _ in 0..rounds {
        for (side, times) in sides.iter().zip(&mut of_each) {
            times.push(run(side));
        }
    }
    of_each.iter().map(|times| quantile(times, 0.5)).collect()
}

/// Reads until nearly all keys have copies.
async fn copied(cache: &Cache) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while cache.stats().local_copies < KEYS * 99 / 100 {
        assert!(Instant::now() < deadline, "copies are made: {:?}", cache.stats());
        for id in 0..KEYS {
            product(id).await;
        }
    }
}

fn threaded(threads: u64, hits: u64, hit: impl Fn(u64) + Sync) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let hit = &hit;
            scope.spawn(move || (0..hits).for_each(|count| hit((count + thread) % KEYS)));
        }
    });
    began.elapsed().as_nanos() as f64 / hits as f64
}

fn awaited<F>(
    runtime: &Runtime,
    threads: u64,
    hits: u64,
    call: impl Fn(u64) -> F + Copy + Send + 'static,
) -> f64
where
    F: Future<Output = ()> + Send,
{
    let began = Instant::now();
    runtime.block_on(async {
        let task = |thread| async move {
            for count in 0..hits {
                call((count + thread) % KEYS).await;
            }
        };
        let tasks: Vec<_> = (0..threads).map(|thread| tokio::spawn(task(thread))).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    began.elapsed().as_nanos() as f64 / hits as f64
}

/// What a value is stored as, its header and stamp among it.
fn serde_size() -> u64 {
    let json = format!("{{\"id\":{0},\"name\":\"product {0}\"}}", KEYS / 2);
    64 + 32 + json.len() as u64
}
