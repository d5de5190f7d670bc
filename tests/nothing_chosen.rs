//! A program that chooses no cache: no `install`, no `scope`, no `cache = …` and no `REDIS_URL`. It behaves
//! the same wherever it runs, also where a Redis happens to run on this machine.

use std::sync::atomic::{AtomicU64, Ordering};

use cached_redis::{Cache, ErrorKind, Loss, Tracking, invalidates, redis_cached};

static LOADS: AtomicU64 = AtomicU64::new(0);

#[redis_cached(ttl = 60)]
async fn product(id: u64) -> Option<u64> {
    LOADS.fetch_add(1, Ordering::Relaxed);
    Some(id)
}

#[invalidates(product(id), guard = "1s", strict)]
async fn update(id: u64) -> Result<(), cached_redis::Error> {
    let _ = id;
    Ok(())
}

#[tokio::test]
async fn functions_run_and_there_is_nothing_to_remove() {
    assert!(std::env::var_os("REDIS_URL").is_none(), "this test is about a program without it");
    for _ in 0..3 {
        assert_eq!(product(7).await, Some(7));
    }
    assert_eq!(LOADS.load(Ordering::Relaxed), 3, "nothing is cached");
    update(7).await.expect("nothing to remove");
    product_invalidate(7).await.expect("nothing to remove");
    product_invalidate_all().await.expect("nothing to remove");
    assert!(product_entry(7).get().await.expect("nothing is there").is_none());

    let health = Cache::current().health().await;
    assert_eq!(health.ping.expect_err("no server").kind(), ErrorKind::Config);
    assert_eq!(health.tracking, Tracking::Unknown);
    let losses: Vec<_> = health.losses.iter().map(|loss| (loss.kind, loss.count)).collect();
    assert_eq!(losses, [(Loss::NoCache, 1)], "said once");
    assert!(health.losses[0].advice.contains("REDIS_URL"), "{}", health.losses[0].advice);

    let error = Cache::builder().namespace("shop").build().expect_err("no server was chosen");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(Cache::from_env().expect_err("nor here").kind(), ErrorKind::Config);
}
