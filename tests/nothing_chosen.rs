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

#[redis_cached(ttl = 60)]
async fn price(id: u64) -> u64 {
    id
}

/// Its environment is one of a process of its own.
#[test]
fn the_environment_switches_the_cache_off() {
    const CHILD: &str = "the_environment_switches_the_cache_off";
    if std::env::var_os("CACHED_REDIS").is_none() {
        for (value, succeeds) in [("off", true), ("of", false)] {
            let mut child = std::process::Command::new(std::env::current_exe().expect("a path"));
            child.args(["--exact", CHILD]).env("CACHED_REDIS", value);
            let output = child.output().expect("a process");
            assert_eq!(output.status.success(), succeeds, "{value}: {output:?}");
        }
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        // Nobody listens there.
        let builder = Cache::builder().url("redis://127.0.0.1:1").namespace("shop");
        let off = builder.build().expect("it is off");
        does_nothing(&off, "CACHED_REDIS=off").await;
        does_nothing(&Cache::current(), "CACHED_REDIS=off").await;
        let memory = Cache::memory();
        memory.scope(async { (price(7).await, price(7).await) }).await;
        assert_eq!(memory.stats().functions[0].hits, 1, "tests go on");
    });
}

#[tokio::test]
async fn a_program_switches_its_cache_off() {
    does_nothing(&Cache::disabled(), "Cache::disabled()").await;
}

#[allow(clippy::expect_used, reason = "a test fails by panicking")]
async fn does_nothing(cache: &Cache, why: &str) {
    cache
        .scope(async {
            for _ in 0..2 {
                assert_eq!(price(7).await, 7);
            }
            price_invalidate(7).await.expect("nothing to remove");
            assert!(price_entry(7).get().await.expect("nothing is there").is_none());
        })
        .await;
    let health = cache.health().await;
    let error = health.ping.expect_err("no server");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(why), "{error}");
    let functions = cache.stats().functions;
    assert!(functions.iter().all(|function| function.hits == 0), "{functions:?}");
    assert!(health.losses.is_empty(), "it is meant to be off: {:?}", health.losses);
}
