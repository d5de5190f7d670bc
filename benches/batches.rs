//! A hundred entries: as a batch, as single calls one after the other and all at once, and with an `MGET` written by hand.
//! Then how long it takes to warm 10,000.
//!
//! `cargo bench --bench batches [-- --quick]`. `CACHED_REDIS_TEST_SERVERS` and `CACHED_REDIS_TEST_URL` choose the servers, as
//! for the tests.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cached_redis::redis::{AsyncCommands as _, AsyncConnectionConfig, Client};
use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, each_server, poll, unique_namespace};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// For an answer of the server, on both sides.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    cents: u64,
    tags: Vec<String>,
}

fn product_of(id: u64) -> Product {
    let tags = vec!["lamps".to_owned(), "sale".to_owned()];
    Product { id, name: format!("Product number {id}"), cents: 100 * id, tags }
}

#[redis_cached(ttl = 600, prefix = "bench")]
async fn product(id: u64) -> Option<Product> {
    Some(product_of(id))
}

#[redis_cached(each(ids), of = product)]
async fn products(ids: &[u64]) -> HashMap<u64, Product> {
    ids.iter().map(|id| (*id, product_of(*id))).collect()
}

/// The best of several runs: what else the machine does only adds.
async fn best(runs: usize, mut run: impl AsyncFnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let began = Instant::now();
        run().await;
        best = best.min(began.elapsed());
    }
    best
}

async fn by_hand(
    connection: &mut cached_redis::redis::aio::MultiplexedConnection,
    keys: &[String],
) {
    let found: Vec<Option<Vec<u8>>> = connection.mget(keys).await.expect("a server");
    let decoded: HashMap<u64, Product> = found
        .iter()
        .flatten()
        .map(|json| serde_json::from_slice::<Product>(json).expect("JSON"))
        .map(|product| (product.id, product))
        .collect();
    assert_eq!(decoded.len(), keys.len());
}

async fn measure(server: &Server, runs: usize) {
    let namespace = unique_namespace("bench");
    let cache = Cache::builder().url(server.url()).namespace(&namespace).budget(PATIENCE).build();
    let cache = cache.expect("a URL");
    poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
    let ids: Vec<u64> = (0..100).collect();
    cache.scope(products(&ids)).await;

    let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    let client = Client::open(server.url()).expect("a URL");
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connection.expect("a server");
    let keys: Vec<String> = ids.iter().map(|id| format!("{namespace}:hand:{id}")).collect();
    for (id, key) in ids.iter().zip(&keys) {
        let json = serde_json::to_vec(&product_of(*id)).expect("JSON");
        let () = connection.set_ex(key, json, 600).await.expect("a server");
    }

    let batch = best(runs, async || {
        assert_eq!(cache.scope(products(&ids)).await.len(), 100);
    });
    let batch = batch.await;
    let one_by_one = best(runs, async || {
        for id in &ids {
            assert!(cache.scope(product(*id)).await.is_some());
        }
    });
    let one_by_one = one_by_one.await;
    let at_once = best(runs, async || {
        let mut calls = JoinSet::new();
        for id in ids.clone() {
            let cache = cache.clone();
            calls.spawn(async move { cache.scope(product(id)).await });
        }
        assert!(calls.join_all().await.iter().all(Option::is_some));
    });
    let at_once = at_once.await;
    let mget = best(runs, async || by_hand(&mut connection, &keys).await).await;
    let ratio = |other: Duration| other.as_secs_f64() / batch.as_secs_f64();
    println!("{}: 100 stored entries", server.label());
    println!("  a batch                {batch:>10.1?}");
    println!(
        "  100 calls, in turn     {one_by_one:>10.1?}  {:.1} times as long",
        ratio(one_by_one)
    );
    println!("  100 calls, at once     {at_once:>10.1?}  {:.1} times as long", ratio(at_once));
    println!("  MGET by hand           {mget:>10.1?}  {:.1} times as long", ratio(mget));

    let warming = cache.warm(1_000..11_000_u64, |ids| async move {
        Ok::<_, std::convert::Infallible>(products(&ids).await)
    });
    let began = Instant::now();
    assert_eq!(warming.run().await.expect("a server"), 10_000);
    println!("  10,000 entries warmed  {:>10.1?}", began.elapsed());
}

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let runs = if is_quick { 20 } else { 300 };
    each_server(|server| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(measure(server, runs));
    });
}
