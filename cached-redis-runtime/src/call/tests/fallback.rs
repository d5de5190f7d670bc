//! `stale_if_error`: the last good value in place of an error, and nobody tries again for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{LOAD, MILLI, SECOND, Subject};
use crate::cache::Cache;
use crate::policy::Policy;
use crate::store::memory::Fault;

const TTL: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(3600);

fn policy() -> Policy {
    Policy { stale_if_error: Some(WINDOW), ..Policy::new(TTL) }
}

/// With a value in the store whose fresh life is over.
async fn with_last_good_value(cache: Cache) -> Subject {
    let mut subject = Subject { cache, ..Subject::with_policy(policy()) };
    subject.tags = vec!["shelf:7".to_owned()];
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    subject.advance(TTL + MILLI);
    subject
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_ends_in_the_last_good_value() {
    let subject = with_last_good_value(Cache::memory()).await;
    assert_eq!(subject.after(1, LOAD, Err("down")).await, Ok(1));
    assert_eq!(subject.after(2, LOAD, Err("down")).await, Err("down"), "there is none");
    let stats = subject.stats();
    assert_eq!((stats.fallbacks, stats.hits, stats.misses), (1, 0, 3));
}

/// With a budget of 100 ms.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_just_fast_enough_to_store_is_fast_enough_to_fall_back() {
    let subject = with_last_good_value(Cache::memory()).await;
    subject.fault(Fault::Slow(22 * MILLI));
    assert_eq!(subject.after(1, LOAD, Err("down")).await, Ok(1));
    // Behind the answer.
    sleep(SECOND).await;
    subject.fault(None);
    // And it was said to all that nobody is to try again.
    let loads = subject.loads();
    assert_eq!(subject.elsewhere().after(1, LOAD, Ok(2)).await, Ok(1));
    assert_eq!(subject.loads(), loads);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_succeeds_is_waited_for() {
    let subject = with_last_good_value(Cache::memory()).await;
    let began = Instant::now();
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(2));
    assert_eq!(began.elapsed(), LOAD);
    assert_eq!(subject.after(1, LOAD, Ok(3)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn the_last_good_value_has_an_end() {
    let subject = with_last_good_value(Cache::memory()).await;
    subject.advance(WINDOW - 2 * MILLI);
    assert_eq!(subject.after(1, Duration::ZERO, Err("down")).await, Ok(1));
    subject.advance(MILLI);
    assert_eq!(subject.after(1, Duration::ZERO, Err("down")).await, Err("down"));
}

#[tokio::test(start_paused = true)]
async fn while_loads_fail_there_is_one_in_thirty_seconds() {
    let subject = with_last_good_value(Cache::memory()).await;
    let other = subject.elsewhere();
    let began = Instant::now();
    while began.elapsed() < 300 * SECOND {
        let (here, there) =
            tokio::join!(subject.crowd(3, LOAD, Err("down")), other.crowd(3, LOAD, Err("down")));
        assert!(here.iter().chain(&there).all(|answer| *answer == Ok(1)));
        sleep(SECOND).await;
    }
    assert_eq!(subject.loads() - 1, 10);
    // Then it is over at the next try.
    sleep(30 * SECOND).await;
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(2));
    assert_eq!(other.after(1, LOAD, Ok(3)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_load_that_fails_get_the_last_good_value_too() {
    let subject = with_last_good_value(Cache::memory()).await;
    let other = subject.elsewhere();
    let (here, there) =
        tokio::join!(subject.crowd(50, LOAD, Err("down")), other.crowd(50, LOAD, Err("down")));
    assert!(here.iter().chain(&there).all(|answer| *answer == Ok(1)));
    assert_eq!(subject.loads() - 1, 1);
}

#[tokio::test(start_paused = true)]
async fn the_user_says_how_long_nobody_tries_again() {
    let cache = Cache::builder().memory().failure_throttle(5 * SECOND).build().expect("valid");
    let subject = with_last_good_value(cache).await;
    let mut tries = Vec::new();
    for second in 0..20 {
        let before = subject.loads();
        assert_eq!(subject.after(1, Duration::ZERO, Err("down")).await, Ok(1));
        if subject.loads() != before {
            tries.push(second);
        }
        subject.advance(SECOND);
    }
    assert_eq!(tries, [0, 5, 10, 15]);
}

#[tokio::test(start_paused = true)]
async fn a_short_window_has_short_pauses() {
    let mut subject = Subject::with_policy(policy());
    subject.policy.stale_if_error = Some(40 * SECOND);
    subject.after(1, Duration::ZERO, Ok(1)).await.ok();
    subject.advance(TTL + MILLI);
    assert_eq!(subject.after(1, Duration::ZERO, Err("down")).await, Ok(1));
    subject.advance(10 * SECOND - MILLI);
    assert_eq!(subject.after(1, Duration::ZERO, Ok(2)).await, Ok(1), "a quarter of it");
    subject.advance(MILLI);
    assert_eq!(subject.after(1, Duration::ZERO, Ok(2)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_during_a_failing_load_is_no_answer() {
    for by in ["entry", "tag", "function"] {
        let subject = with_last_good_value(Cache::memory()).await;
        let loading = subject.begin(1, LOAD, Err("down")).await;
        let other = subject.elsewhere();
        match by {
            "entry" => other.invalidate(1).await,
            "tag" => other.cache.invalidate_tag("shelf:7").await,
            _ => other.invalidate_all().await,
        }
        .expect("in-process");
        assert_eq!(loading.await.expect("no panic"), Err("down"), "by {by}");
        assert_eq!(other.behind(1, LOAD, Err("down")).await, Err("down"), "by {by}");
        assert_eq!(subject.stats().fallbacks, 0, "by {by}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_in_vain_is_no_answer_here() {
    for by in ["entry", "tag", "function"] {
        let subject = with_last_good_value(Cache::memory()).await;
        subject.fault(Fault::RefuseWrites);
        let failed = match by {
            "entry" => subject.invalidate(1).await,
            "tag" => subject.cache.invalidate_tag("shelf:7").await,
            _ => subject.invalidate_all().await,
        };
        assert!(failed.is_err());
        assert_eq!(subject.after(1, LOAD, Err("down")).await, Err("down"), "by {by}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_value_that_was_invalidated_in_vain_is_no_answer_here() {
    let subject = Subject::with_policy(policy());
    subject.after(1, Duration::ZERO, Ok(1)).await.ok();
    subject.fault(Fault::RefuseWrites);
    assert!(subject.invalidate(1).await.is_err());
    assert_eq!(subject.after(1, Duration::ZERO, Ok(2)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn without_the_store_there_is_no_last_good_value() {
    let subject = with_last_good_value(Cache::memory()).await;
    subject.fault(Fault::Down);
    assert_eq!(subject.after(1, LOAD, Err("down")).await, Err("down"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_write_still_has_the_last_good_value() {
    let subject = with_last_good_value(Cache::memory()).await;
    subject.fault(Fault::RefuseWrites);
    assert_eq!(subject.after(1, LOAD, Err("down")).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn stale_first_then_the_last_good_value() {
    let mut subject = Subject::with_policy(policy());
    subject.policy.stale = Some(20 * SECOND);
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    subject.advance(TTL + MILLI);
    assert_eq!(subject.behind(1, LOAD, Err("down")).await, Ok(1));
    subject.settle().await;
    subject.advance(60 * SECOND);
    let began = Instant::now();
    assert_eq!(subject.behind(1, LOAD, Err("down")).await, Ok(1));
    assert_eq!(began.elapsed(), LOAD, "beyond `stale`, the load comes first");
    let stats = subject.stats();
    assert_eq!((stats.stale_hits, stats.failed_reloads, stats.fallbacks), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_entry_says_what_a_call_would_be_answered_while_nobody_tries_again() {
    let subject = with_last_good_value(Cache::memory()).await;
    let get = async || subject.entry(1).get().await.expect("in-process");
    assert_eq!(get().await, None, "a call would load");
    assert_eq!(subject.after(1, Duration::ZERO, Err("down")).await, Ok(1));
    let loads = subject.loads();
    assert_eq!(get().await, Some(subject.after(1, Duration::ZERO, Ok(2)).await));
    assert_eq!(subject.loads(), loads);
    subject.advance(30 * SECOND);
    assert_eq!(get().await, None, "a call would load again");
    // While another one loads, it waits for that.
    let loading = subject.begin(1, LOAD, Ok(2)).await;
    assert_eq!(get().await, None);
    assert_eq!(loading.await.expect("no panic"), Ok(2));
    assert_eq!(get().await, Some(Ok(2)));
}
