//! How cached code is unit-tested, without a server: `cargo test --example testing`.
//!
//! `cargo run --example testing` runs the same.

// A test says what it expects by panicking.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cached_redis::{Cache, ErrorKind, Fault, invalidates, redis_cached};

/// What is tested: prices, which are read often and changed rarely.
#[derive(Default)]
struct Prices {
    cents: Mutex<BTreeMap<String, u64>>,
    /// What a test looks at to tell a hit from a load.
    loads: AtomicU64,
}

impl Prices {
    #[redis_cached(ttl = "10m", negative_ttl = "30s", skip(self), jitter = 0)]
    async fn of(&self, sku: &str) -> Option<u64> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.cents.lock().unwrap_or_else(PoisonError::into_inner).get(sku).copied()
    }

    #[invalidates(self.of(sku))]
    async fn set(&self, sku: &str, cents: u64) {
        self.cents.lock().unwrap_or_else(PoisonError::into_inner).insert(sku.to_owned(), cents);
    }

    fn loads(&self) -> u64 {
        self.loads.swap(0, Ordering::Relaxed)
    }
}

/// A cache of its own for every test: they run in parallel and cannot see each other's entries.
#[cfg_attr(test, tokio::test)]
async fn a_second_call_is_a_hit() {
    let (cache, prices) = (Cache::memory(), Prices::default());
    cache
        .scope(async {
            prices.set("lamp", 1900).await;
            assert_eq!(prices.of("lamp").await, Some(1900));
            assert_eq!(prices.of("lamp").await, Some(1900));
            assert_eq!(prices.loads(), 1);
        })
        .await;
}

#[cfg_attr(test, tokio::test)]
async fn a_new_price_is_seen_at_once() {
    let (cache, prices) = (Cache::memory(), Prices::default());
    cache
        .scope(async {
            assert_eq!(prices.of("lamp").await, None);
            prices.set("lamp", 1900).await;
            assert_eq!(prices.of("lamp").await, Some(1900));
            prices.set("lamp", 1500).await;
            assert_eq!(prices.of("lamp").await, Some(1500));
        })
        .await;
}

/// The clock of the in-process store moves by hand, so nobody sleeps.
#[cfg_attr(test, tokio::test)]
async fn an_unknown_sku_is_asked_for_again_after_half_a_minute() {
    let (cache, prices) = (Cache::memory(), Prices::default());
    let store = cache.memory_store().unwrap();
    cache
        .scope(async {
            prices.of("sofa").await;
            store.advance(Duration::from_secs(29));
            prices.of("sofa").await;
            assert_eq!(prices.loads(), 1);
            store.advance(Duration::from_secs(2));
            prices.of("sofa").await;
            assert_eq!(prices.loads(), 1);
        })
        .await;
}

/// The function must answer without its cache, and a write must not fail with it.
#[cfg_attr(test, tokio::test)]
async fn an_outage_costs_hits_and_no_answers() {
    let (cache, prices) = (Cache::memory(), Prices::default());
    let store = cache.memory_store().unwrap();
    cache
        .scope(async {
            prices.set("lamp", 1900).await;
            prices.of("lamp").await;
            store.set_fault(Some(Fault::Down));
            prices.set("lamp", 1500).await;
            assert_eq!(prices.of("lamp").await, Some(1500));
            let error = prices.of_invalidate("lamp").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreachable);

            // The old price is still in the store, but its invalidation is outstanding.
            store.set_fault(None);
            assert_eq!(prices.of("lamp").await, Some(1500));
            while cache.stats().pending_invalidations > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(prices.of("lamp").await, Some(1500));
        })
        .await;
}

#[cfg(not(test))]
#[tokio::main]
async fn main() {
    a_second_call_is_a_hit().await;
    a_new_price_is_seen_at_once().await;
    an_unknown_sku_is_asked_for_again_after_half_a_minute().await;
    an_outage_costs_hits_and_no_answers().await;
    println!("Four tests of cached code, and no server.");
}
