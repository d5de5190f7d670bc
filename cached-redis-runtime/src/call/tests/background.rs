//! Loads behind answers: few at a time, and to the end.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{LOAD, MILLI, SECOND, Subject};
use crate::cache::Cache;
use crate::policy::Policy;

const TTL: Duration = Duration::from_secs(10);

/// With three stale values in the store.
async fn subject(cache: Cache) -> Subject {
    let policy = Policy { stale: Some(60 * SECOND), ..Policy::new(TTL) };
    let subject = Subject { cache, ..Subject::with_policy(policy) };
    for id in 0..3 {
        subject.behind(id, Duration::ZERO, Ok(1)).await.ok();
    }
    subject.advance(TTL + MILLI);
    subject
}

#[tokio::test(start_paused = true)]
async fn without_room_a_reload_is_left_to_the_next_caller() {
    let cache = Cache::builder().memory().max_background_reloads(2).build().expect("valid");
    let subject = subject(cache).await;
    for id in 0..3 {
        assert_eq!(subject.behind(id, LOAD, Ok(2)).await, Ok(1));
    }
    let stats = subject.cache.stats();
    assert_eq!((stats.running_reloads, stats.functions[0].skipped_reloads), (2, 1));
    subject.settle().await;
    assert_eq!(subject.behind(2, LOAD, Ok(2)).await, Ok(1));
    subject.settle().await;
    assert_eq!(subject.behind(2, LOAD, Ok(3)).await, Ok(2));
    assert_eq!(subject.stats().reloads, 3);
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_the_reloads_and_stores_what_they_bring() {
    let subject = subject(Cache::memory()).await;
    assert_eq!(subject.behind(0, LOAD, Ok(2)).await, Ok(1));
    let began = Instant::now();
    subject.cache.shutdown().await;
    assert_eq!(began.elapsed(), LOAD);
    assert_eq!(subject.cache.stats().running_reloads, 0);
    assert_eq!(subject.behind(0, LOAD, Ok(3)).await, Ok(2), "stored");
    assert_eq!(subject.behind(1, LOAD, Ok(3)).await, Ok(1), "stale, and nobody reloads it");
    assert_eq!(subject.loads(), 4);
    assert_eq!(subject.stats().skipped_reloads, 0, "not for lack of room");
    subject.cache.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_given_up_loses_nothing() {
    let subject = subject(Cache::memory()).await;
    assert_eq!(subject.behind(0, LOAD, Ok(2)).await, Ok(1));
    assert!(tokio::time::timeout(LOAD / 2, subject.cache.shutdown()).await.is_err());
    sleep(LOAD).await;
    assert_eq!(subject.behind(0, LOAD, Ok(3)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_panics_is_a_failed_one() {
    let subject = subject(Cache::memory()).await;
    let load = || async { panic!("the body's own") };
    let answer = subject.call(0).run_detachable(subject.outcome(), load).await;
    assert_eq!(answer, Ok(1));
    subject.settle().await;
    assert_eq!(subject.cache.loads_in_flight(), 0);
    assert_eq!(subject.stats().failed_reloads, 1);
    let before = subject.loads();
    assert_eq!(subject.behind(0, LOAD, Ok(2)).await, Ok(1));
    subject.settle().await;
    assert_eq!(subject.loads(), before, "nobody tries again yet");
    subject.advance(15 * SECOND);
    assert_eq!(subject.behind(0, LOAD, Ok(2)).await, Ok(1));
    subject.settle().await;
    assert_eq!(subject.behind(0, LOAD, Ok(3)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_no_reload_begins() {
    let subject = subject(Cache::memory()).await;
    let before = subject.loads();
    // The question for the lease fails, so nothing is loaded.
    assert_eq!(subject.behind(0, LOAD, Ok(2)).await, Ok(1));
    subject.fault(crate::Fault::RefuseWrites);
    subject.settle().await;
    assert_eq!(subject.loads(), before);
    assert_eq!(subject.stats().errors.get("server"), Some(&1));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}
