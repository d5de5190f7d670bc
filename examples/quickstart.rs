//! A cached function in one page: `cargo run --example quickstart`.
//!
//! The cache is in this process; with `REDIS_URL` set, it is in that Redis.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cached_redis::{Cache, bypass, invalidates, redis_cached};
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

/// Answers after 50 ms, and counts how often it is asked.
struct Database {
    rows: Mutex<BTreeMap<u64, Product>>,
    queries: AtomicU64,
}

impl Database {
    async fn query<T>(&self, of_rows: impl FnOnce(&mut BTreeMap<u64, Product>) -> T) -> T {
        self.queries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        of_rows(&mut self.rows.lock().unwrap_or_else(PoisonError::into_inner))
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
    let db = Arc::new(Database { rows: Mutex::new(rows.into()), queries: AtomicU64::new(0) });

    println!("\n{:34} {:>9}  {:7}  answer", "", "time", "queries");
    show(&db, "a miss: the body runs", product(&db, 7)).await;
    show(&db, "a hit: it does not", product(&db, 7)).await;
    show(&db, "there is no product 8", product(&db, 8)).await;
    show(&db, "and that is known now", product(&db, 8)).await;
    show(&db, "a write that invalidates", rename(&db, 7, "bright lamp")).await;
    show(&db, "nobody sees the old lamp", product(&db, 7)).await;
    show(&db, "a bypass asks the database", bypass(product(&db, 7))).await;
    show(&db, "100 callers at once share a load", callers(&db, 9, 100)).await;

    println!("\n{}", statistics(&cache));
    Ok(())
}

/// Awaits a call and prints what happened.
async fn show<T: Debug>(db: &Database, what: &str, call: impl Future<Output = T>) {
    let (queries, started) = (db.queries.load(Ordering::Relaxed), Instant::now());
    let answer = call.await;
    let took = format!("{:.2?}", started.elapsed());
    let queries = db.queries.load(Ordering::Relaxed) - queries;
    println!("{what:34} {took:>9}  {queries:>7}  {answer:?}");
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

fn statistics(cache: &Cache) -> String {
    let mut table =
        "function         hits  absent  misses  shared  loads  bypassed  loading".to_owned();
    for function in cache.stats().functions {
        table += &format!(
            "\n{:14} {:>6} {:>7} {:>7} {:>7} {:>6} {:>9} {:>8.0?}",
            function.name,
            function.hits,
            function.negative_hits,
            function.misses,
            function.coalesced,
            function.loads,
            function.bypasses,
            function.load_time,
        );
    }
    table
}
