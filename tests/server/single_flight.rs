//! Loads that are shared: who leads, and how its end reaches those who wait.

use std::sync::Arc;
use std::time::Duration;

use cached_redis::redis_cached;
use cached_redis_test_support::{Stopwatch, each_server, unique_namespace};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::loads::{Loads, connected, each_cache, each_own_cache, patient, runtime, value};

// oxcache's single flight never looks into the cache first: 5 calls in a row ran the body 5 times.
// cacheable needs a command that older servers lack, and then caches nothing, without a word.
#[test]
fn five_calls_in_a_row_load_once_on_every_server() {
    each_cache(async |cache| {
        let loads = Loads::default();
        for _ in 0..5 {
            assert_eq!(value(1, loads.gives(7)).await, 7);
        }
        assert_eq!(loads.begun(), 1);
        let stats = &cache.stats().functions[0];
        assert_eq!((stats.hits, stats.misses, stats.stored), (4, 1, 1));
    });
}

// hitbox and skp-cache: once the leader is cancelled, those who wait for it wait for ever.
#[test]
fn leaders_cancelled_one_after_the_other_leave_nobody_waiting() {
    each_cache(async |cache| {
        let loads = Arc::new(Loads::default());
        let (says, mut leaders) = mpsc::unbounded_channel();
        let callers: Vec<_> = (0..5_usize)
            .map(|number| {
                let (cache, loads, says) = (cache.clone(), Arc::clone(&loads), says.clone());
                let load = async move {
                    if loads.begin() <= 3 {
                        says.send(number).expect("the test listens");
                        std::future::pending::<()>().await;
                    }
                    7
                };
                tokio::spawn(async move { cache.scope(value(1, load)).await })
            })
            .collect();
        for _ in 0..3 {
            callers[leaders.recv().await.expect("a leader")].abort();
        }
        let mut answers = Vec::new();
        for caller in callers {
            answers.extend(caller.await.ok());
        }
        assert_eq!(answers, [7, 7]);
        assert_eq!(loads.begun(), 4);
        assert_eq!(cache.loads_in_flight(), 0);
    });
}

// A leader that panics is one more way to end without an answer.
#[test]
fn a_leader_that_panics_takes_nobody_along() {
    each_cache(async |cache| {
        let loads = Arc::new(Loads::default());
        let (says, mut leaders) = mpsc::unbounded_channel();
        let mut callers = JoinSet::new();
        for _ in 0..5 {
            let (cache, loads, says) = (cache.clone(), Arc::clone(&loads), says.clone());
            callers.spawn(async move {
                let load = async {
                    if loads.begin() == 1 {
                        says.send(()).expect("the test listens");
                        // Long enough for the others to wait for this load.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        std::panic::resume_unwind(Box::new("without the hook's output"));
                    }
                    7
                };
                cache.scope(value(1, load)).await
            });
        }
        leaders.recv().await.expect("a leader");
        let mut answers = Vec::new();
        while let Some(answer) = callers.join_next().await {
            answers.extend(answer.ok());
        }
        assert_eq!(answers, [7; 4]);
        assert_eq!(loads.begun(), 2);
        assert_eq!(cache.loads_in_flight(), 0);
    });
}

/// Calls of one key at the same time, each with a load of `LOAD`; how long until the last answer.
async fn together(cache: &cached_redis::Cache, callers: usize) -> Duration {
    const LOAD: Duration = Duration::from_millis(200);
    let stopwatch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let cache = cache.clone();
        tasks.spawn(async move {
            let loads = Loads::default();
            cache.scope(value(2, loads.takes(LOAD, 7))).await
        });
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.expect("no panic"), 7);
    }
    stopwatch.elapsed()
}

// cacheable loads in line: Redis down, 10 callers of a 200 ms loader take 2 s.
#[test]
fn ten_callers_without_a_server_load_side_by_side() {
    each_own_cache(async |server, _| {
        let cache = connected(server.url()).await;
        server.stop();
        // The budget of 100 ms, once for all.
        let took = together(&cache, 10).await;
        assert!(took < Duration::from_millis(600), "frozen: {took:?}");
        server.kill();
        let took = together(&cache, 10).await;
        assert!(took < Duration::from_millis(600), "killed: {took:?}");
    });
}

#[redis_cached(ttl = 600, prefix = "test", lock = "2s", skip(load))]
async fn slow<F: Future<Output = u64>>(load: F) -> u64 {
    load.await
}

// Four processes load four times with all others; with cacheable's grouped cache too, once the load
// takes longer than the lock lives. Two caches know as little of each other as two processes.
#[test]
fn a_load_that_takes_longer_than_its_lease_is_still_the_only_one() {
    each_server(|server| {
        runtime().block_on(async {
            let namespace = unique_namespace("test");
            let loads = Arc::new(Loads::default());
            let mut callers = JoinSet::new();
            for _ in 0..2 {
                let cache = patient(server.url(), &namespace).await;
                for _ in 0..10 {
                    let (cache, loads) = (cache.clone(), Arc::clone(&loads));
                    callers.spawn(async move {
                        let load = loads.takes(Duration::from_secs(3), 7);
                        cache.scope(slow(load)).await
                    });
                }
            }
            assert_eq!(callers.join_all().await, [7; 20]);
            assert_eq!(loads.begun(), 1);
        });
    });
}
