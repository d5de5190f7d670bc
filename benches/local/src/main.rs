//! A hit on a copy in the process, the whole annotated call, beside what it stands on: a bare look-up of an `Arc` in
//! `quick_cache`, and in `moka`.
//!
//! `cargo run --release` in this folder. It starts a server of its own, on a free loopback port.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, available};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

const KEYS: u64 = 1_000;
const HITS: u64 = 2_000_000;
const ROUNDS: usize = 5;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Product {
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

fn main() {
    let binary = available().last().expect("a server");
    let server = Server::start(binary, &[]);
    let cache = Cache::builder().url(server.url()).namespace("bench").build().expect("a URL");
    cache.install().expect("no other cache");
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(copied(&cache));

    let quick = quick_cache::sync::Cache::new(2 * KEYS as usize);
    let moka = moka::sync::Cache::new(2 * KEYS);
    for id in 0..KEYS {
        quick.insert(id, Product::new(id));
        moka.insert(id, Product::new(id));
    }
    println!("| threads | quick_cache, ns | moka, ns | annotated, ns | of quick_cache |");
    println!("|---|---|---|---|---|");
    for threads in [1, 2] {
        let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                [
                    threaded(threads, |id| drop(black_box(quick.get(&id)))),
                    threaded(threads, |id| drop(black_box(moka.get(&id)))),
                    annotated(&runtime, threads),
                ]
            })
            .collect();
        rounds.sort_by(|one, other| (one[2] / one[0]).total_cmp(&(other[2] / other[0])));
        let [quick, moka, ours] = rounds[ROUNDS / 2];
        println!("| {threads} | {quick:.1} | {moka:.1} | {ours:.1} | {:.1} |", ours / quick);
    }
    let stats = cache.stats();
    let value = serde_size();
    println!(
        "\n{} copies of {value} bytes take {} bytes each beside their values, as they are counted",
        stats.local_copies,
        stats.local_bytes / stats.local_copies - value
    );
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

/// Nanoseconds for each hit of a thread.
fn threaded(threads: u64, hit: impl Fn(u64) + Sync) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let hit = &hit;
            scope.spawn(move || (0..HITS).for_each(|hits| hit((hits + thread) % KEYS)));
        }
    });
    began.elapsed().as_nanos() as f64 / HITS as f64
}

fn annotated(runtime: &Runtime, threads: u64) -> f64 {
    let began = Instant::now();
    runtime.block_on(async {
        let task = |thread| async move {
            for hits in 0..HITS {
                black_box(product((hits + thread) % KEYS).await);
            }
        };
        let tasks: Vec<_> = (0..threads).map(|thread| tokio::spawn(task(thread))).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    began.elapsed().as_nanos() as f64 / HITS as f64
}

/// What a value is stored as, its header and stamp among it.
fn serde_size() -> u64 {
    let json = format!("{{\"id\":{0},\"name\":\"product {0}\"}}", KEYS / 2);
    64 + 32 + json.len() as u64
}
