//! A cached function in one page: `cargo run --example quickstart`.
//!
//! The cache is in this process; with `REDIS_URL` set, it is in that Redis.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cached_redis::{Cache, FunctionStats, bypass, invalidates, redis_cached};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
}

impl Debug for Product {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Answers after 50 ms.
struct Database(Mutex<BTreeMap<u64, Product>>);

impl Database {
    async fn query<T>(&self, of_rows: impl FnOnce(&mut BTreeMap<u64, Product>) -> T) -> T {
        tokio::time::sleep(Duration::from_millis(50)).await;
        of_rows(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[redis_cached(ttl = "10m", prefix = "shop", skip(db))]
async fn product(db: &Database, id: u64) -> Option<Product> {
    db.query(|rows| rows.get(&id).cloned()).await
}

#[invalidates(product(id))]
async fn rename(db: &Database, id: u64, name: &str) -> Option<Product> {
    db.query(|rows| {
        let product = rows.get_mut(&id)?;
        name.clone_into(&mut product.name);
        Some(product.clone())
    })
    .await
}

#[tokio::main]
async fn main() -> Result<(), cached_redis::Error> {
    let cache = match std::env::var("REDIS_URL") {
        Ok(url) => Cache::builder().url(url).namespace("quickstart").build()?,
        Err(_) => Cache::memory(),
    };
    cache.install()?;
    match (cache.memory_store(), cache.health().await.ping) {
        (Some(_), _) => println!("The cache is in this process, as REDIS_URL is not set."),
        (None, Ok(time)) => println!("The cache is in a Redis that answers in {time:.0?}."),
        (None, Err(error)) => println!("Redis is away ({error}). Every call works all the same:"),
    }
    if let Err(error) = product_invalidate_all().await {
        println!("What an earlier run left there is not removed yet ({error}).");
    }

    let products = [(7, "lamp"), (9, "chair")];
    let rows = products.map(|(id, name)| (id, Product { id, name: name.to_owned() }));
    let db = Arc::new(Database(Mutex::new(rows.into())));

    println!("\n{:32} {:>9}  {:18}  what the cache counted", "", "time", "answer");
    show(&cache, "product 7, for the first time", product(&db, 7)).await;
    show(&cache, "product 7, again", product(&db, 7)).await;
    show(&cache, "product 8, which there is not", product(&db, 8)).await;
    show(&cache, "product 8, again", product(&db, 8)).await;
    show(&cache, "product 7 gets a new name", rename(&db, 7, "bright lamp")).await;
    show(&cache, "product 7, after that", product(&db, 7)).await;
    show(&cache, "product 7, without the cache", bypass(product(&db, 7))).await;
    show(&cache, "product 9, for 100 callers", callers(&db, 9, 100)).await;

    println!("\n{}", table(&cache));
    for (kind, count) in product_stats(&cache).errors {
        println!("Failures of the cache, which no caller noticed: {count} × {kind}");
    }
    Ok(())
}

/// Awaits a call and prints what happened.
async fn show<T: Debug>(cache: &Cache, what: &str, call: impl Future<Output = T>) {
    let (before, started) = (counters(cache), Instant::now());
    let answer = format!("{:?}", call.await);
    let took = format!("{:.2?}", started.elapsed());
    let did: Vec<String> = counters(cache)
        .into_iter()
        .zip(before)
        .filter(|((_, now), (_, then))| now > then)
        .map(|((name, now), (_, then))| format!("{name} +{}", now - then))
        .collect();
    println!("{what:32} {took:>9}  {answer:18}  {}", did.join(", "));
}

/// Calls from many tasks at once, and what a caller got if all got the same.
async fn callers(db: &Arc<Database>, id: u64, count: usize) -> Option<Product> {
    let mut callers = JoinSet::new();
    for _ in 0..count {
        let db = Arc::clone(db);
        callers.spawn(async move { product(&db, id).await });
    }
    let mut answers = callers.join_all().await.into_iter();
    answers.next().flatten().filter(|first| answers.all(|answer| answer.as_ref() == Some(first)))
}

/// What is counted for `product`, the one cached function here.
fn product_stats(cache: &Cache) -> FunctionStats {
    cache.stats().functions.into_iter().next().unwrap_or_default()
}

fn counters(cache: &Cache) -> [(&'static str, u64); 6] {
    let product = product_stats(cache);
    [
        ("hits", product.hits),
        ("negative hits", product.negative_hits),
        ("misses", product.misses),
        ("loads", product.loads),
        ("coalesced", product.coalesced),
        ("bypasses", product.bypasses),
    ]
}

fn table(cache: &Cache) -> String {
    let (names, numbers): (Vec<_>, Vec<_>) = counters(cache)
        .into_iter()
        .map(|(name, count)| (format!("{name:>15}"), format!("{count:>15}")))
        .unzip();
    format!("{}\n{}", names.concat(), numbers.concat())
}
