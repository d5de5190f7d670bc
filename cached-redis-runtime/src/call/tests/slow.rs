//! `soft_timeout`: a slow load ends in the last good value, and goes on in the background.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{LOAD, MILLI, SECOND, Subject};
use crate::cache::Cache;
use crate::policy::Policy;

const SOFT: Duration = Duration::from_millis(200);
const SLOW: Duration = Duration::from_secs(5);

/// With a value in the store whose fresh life is over.
async fn with_last_good_value(cache: Cache) -> Subject {
    let policy = Policy {
        stale_if_error: Some(3600 * SECOND),
        soft_timeout: Some(SOFT),
        ..Policy::new(60 * SECOND)
    };
    let subject = Subject { cache, ..Subject::with_policy(policy) };
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    subject.advance(61 * SECOND);
    subject
}

#[tokio::test(start_paused = true)]
async fn a_slow_load_ends_in_the_last_good_value_and_is_stored_all_the_same() {
    let subject = with_last_good_value(Cache::memory()).await;
    let began = Instant::now();
    assert_eq!(subject.behind(1, SLOW, Ok(2)).await, Ok(1));
    assert_eq!(began.elapsed(), SOFT);
    assert_eq!(subject.cache.stats().running_reloads, 1);
    subject.settle().await;
    assert!(began.elapsed() - SLOW <= 2 * MILLI, "{:?}", began.elapsed());
    assert_eq!(subject.behind(1, SLOW, Ok(3)).await, Ok(2));
    assert_eq!((subject.loads(), subject.stats().fallbacks), (2, 1));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_it_wait_no_longer() {
    let subject = with_last_good_value(Cache::memory()).await;
    let other = subject.elsewhere();
    let loading = subject.begin(1, SLOW, Ok(2)).await;
    for node in [&subject, &other, &subject, &other] {
        let began = Instant::now();
        assert_eq!(node.behind(1, SLOW, Ok(3)).await, Ok(1));
        let waited = began.elapsed();
        assert!(waited >= SOFT && waited <= SOFT + 2 * MILLI, "{waited:?}");
    }
    assert_eq!(loading.await.expect("no panic"), Ok(1));
    subject.settle().await;
    assert_eq!(other.behind(1, SLOW, Ok(3)).await, Ok(2));
    assert_eq!(subject.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_fast_enough_is_the_answer() {
    let subject = with_last_good_value(Cache::memory()).await;
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(2));
    assert_eq!(subject.stats().fallbacks, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_value_at_hand_a_slow_load_is_waited_for() {
    let subject = with_last_good_value(Cache::memory()).await;
    let began = Instant::now();
    assert_eq!(subject.behind(2, SLOW, Ok(2)).await, Ok(2));
    assert_eq!(began.elapsed(), SLOW);
    // And those who joined it.
    let loading = subject.begin(3, SLOW, Ok(3)).await;
    assert_eq!(subject.behind(3, SLOW, Ok(4)).await, Ok(3));
    assert_eq!(loading.await.expect("no panic"), Ok(3));
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_meanwhile_is_no_answer() {
    let subject = with_last_good_value(Cache::memory()).await;
    let loading = subject.begin(1, SLOW, Ok(2)).await;
    sleep(SOFT / 2).await;
    subject.invalidate(1).await.expect("in-process");
    assert_eq!(loading.await.expect("no panic"), Ok(2), "it is waited for");
    assert_eq!(subject.behind(1, Duration::ZERO, Ok(3)).await, Ok(3), "and not stored");
}

#[tokio::test(start_paused = true)]
async fn without_room_behind_the_answer_a_slow_load_is_waited_for() {
    let cache = Cache::builder().memory().max_background_reloads(0).build().expect("valid");
    let subject = with_last_good_value(cache).await;
    let began = Instant::now();
    assert_eq!(subject.behind(1, SLOW, Ok(2)).await, Ok(2));
    assert_eq!(began.elapsed(), SLOW);
}

#[tokio::test(start_paused = true)]
async fn a_slow_load_that_fails_in_the_end_is_counted_and_paused_for() {
    let subject = with_last_good_value(Cache::memory()).await;
    assert_eq!(subject.behind(1, SLOW, Err("down")).await, Ok(1));
    subject.settle().await;
    assert_eq!(subject.stats().failed_reloads, 1);
    let began = Instant::now();
    assert_eq!(subject.behind(1, SLOW, Ok(2)).await, Ok(1));
    assert_eq!(began.elapsed(), Duration::ZERO, "nobody tries again yet");
}
