//! Warming a cache with a progress bar: `cargo run -p storefront --example warm`.
//!
//! With `REDIS_URL` on that server, else in this process.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use cached_redis::{Cache, redis_cached};
use indicatif::{ProgressBar, ProgressStyle};

const PRODUCTS: u64 = 10_000;

#[redis_cached(ttl = "1h", prefix = "storefront", each(ids))]
async fn prices(ids: &[u64]) -> Result<HashMap<u64, u64>, std::io::Error> {
    // A query takes its time, however many ids it is about.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(ids.iter().map(|id| (*id, 100 + id % 900)).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cache = match std::env::var("REDIS_URL") {
        Ok(url) => Cache::builder().url(url).namespace("storefront").build()?,
        Err(_) => Cache::memory(),
    };
    let bar = ProgressBar::new(PRODUCTS);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}")?);
    let shown = bar.clone();
    let warmed = cache
        .warm(1..=PRODUCTS, |ids| async move { prices(&ids).await })
        .batch(500)
        .concurrency(4)
        .on_progress(move |progress| shown.set_position(progress.completed as u64))
        .run()
        .await?;
    bar.finish();
    println!("{warmed} entries are there");
    Ok(())
}
