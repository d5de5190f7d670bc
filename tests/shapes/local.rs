//! Copies over the in-process store: what a unit test sees of `local`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, Fault, redis_cached};

#[redis_cached(ttl = 60, prefix = "copies", local = "1s", skip(loads), jitter = 0)]
async fn price(loads: &AtomicU64, sku: &str) -> u64 {
    loads.fetch_add(1, Ordering::SeqCst);
    sku.len() as u64
}

const SECOND: Duration = Duration::from_secs(1);

fn local_hits(cache: &Cache) -> u64 {
    cache.stats().functions.iter().map(|function| function.local_hits).sum()
}

/// A cache that has a copy, and how often the function has run.
async fn copied() -> (Cache, AtomicU64) {
    let (cache, loads) = (Cache::memory(), AtomicU64::new(0));
    cache
        .scope(async {
            for hits in [0, 0, 1] {
                price(&loads, "lamp").await;
                assert_eq!(local_hits(&cache), hits, "what is read a second time is copied");
            }
        })
        .await;
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    (cache, loads)
}

#[tokio::test(start_paused = true)]
async fn a_copy_ends_with_whatever_becomes_of_its_entry() {
    type End = fn(&Cache, &str);
    let ends: [End; 4] = [
        |cache, key| assert!(cache.memory_store().expect("here").evict(key)),
        |cache, key| cache.memory_store().expect("here").set_raw(key, "rubbish", SECOND),
        |cache, _| cache.memory_store().expect("here").clear(),
        |cache, _| cache.memory_store().expect("here").advance(61 * SECOND),
    ];
    for end in ends {
        let (cache, loads) = copied().await;
        cache
            .scope(async {
                end(&cache, &price_entry("lamp").key().expect("a key"));
                price(&loads, "lamp").await;
            })
            .await;
        assert_eq!((loads.load(Ordering::SeqCst), local_hits(&cache)), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn invalidations_end_copies_before_they_return() {
    for all in [false, true] {
        let (cache, loads) = copied().await;
        cache
            .scope(async {
                if all {
                    price_invalidate_all().await.expect("a store");
                } else {
                    price_invalidate("lamp").await.expect("a store");
                }
                price(&loads, "lamp").await;
            })
            .await;
        assert_eq!((loads.load(Ordering::SeqCst), local_hits(&cache)), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_not_been_heard_for_a_bound_leaves_no_answer_in_the_process() {
    let (cache, loads) = copied().await;
    cache.memory_store().expect("in the process").set_fault(Some(Fault::Down));
    cache
        .scope(async {
            price(&loads, "lamp").await;
            assert_eq!((loads.load(Ordering::SeqCst), local_hits(&cache)), (1, 2));
            tokio::time::sleep(SECOND + Duration::from_millis(1)).await;
            price(&loads, "lamp").await;
            assert_eq!((loads.load(Ordering::SeqCst), local_hits(&cache)), (2, 2));
        })
        .await;
}
