use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, available};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
}

#[redis_cached(ttl = "10m", prefix = "bench", local = "10s")]
async fn product(id: u64) -> Arc<Product> {
    Arc::new(Product { id, name: format!("product {id}") })
}

const KEYS: u64 = 1000;
const HITS: u64 = 2_000_000;

fn main() {
    let server = Server::start(available().last().unwrap(), &[]);
    let cache = Cache::builder().url(server.url()).namespace("bench").build().unwrap();
    cache.install().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        while cache.stats().local_copies < KEYS * 99 / 100 {
            for id in 0..KEYS { product(id).await; }
        }
    });
    let bare = quick_cache::sync::Cache::<u64, Arc<Product>>::new(10_000);
    for id in 0..KEYS { bare.insert(id, Arc::new(Product { id, name: String::new() })); }
    for _ in 0..3 {
        let began = Instant::now();
        for n in 0..HITS { black_box(bare.get(&(n % KEYS))); }
        let quick = began.elapsed();
        let ours = runtime.block_on(async {
            let began = Instant::now();
            for n in 0..HITS { black_box(product(n % KEYS).await); }
            began.elapsed()
        });
        println!("quick_cache {:.1} ns, annotated {:.1} ns, ratio {:.2}", quick.as_nanos() as f64 / HITS as f64, ours.as_nanos() as f64 / HITS as f64, ours.as_secs_f64() / quick.as_secs_f64());
    }
    println!("{} local hits", cache.stats().functions[0].local_hits);
    println!("{:?}", (cache.stats().local_copies, cache.stats().local_bytes));
}
