//! `stale` and `early`: the answer first, one reload in the background.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{LOAD, MILLI, SECOND, Subject};
use crate::policy::Policy;

const TTL: Duration = Duration::from_secs(10);

fn stale() -> Subject {
    Subject::with_policy(Policy { stale: Some(60 * SECOND), ..Policy::new(TTL) })
}

/// With a value of this kind in the store, just beyond its fresh life.
async fn with_stale_value() -> Subject {
    let subject = stale();
    assert_eq!(subject.behind(1, Duration::ZERO, Ok(1)).await, Ok(1));
    subject.advance(TTL + MILLI);
    subject
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_the_answer_and_its_reload_runs_behind_it() {
    let subject = with_stale_value().await;
    let began = Instant::now();
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(1));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(subject.cache.stats().running_reloads, 1);
    subject.settle().await;
    assert_eq!(subject.behind(1, LOAD, Ok(3)).await, Ok(2));
    let stats = subject.stats();
    assert_eq!((stats.hits, stats.stale_hits, stats.misses), (2, 1, 1));
    assert_eq!((stats.loads, stats.reloads, stats.failed_reloads), (2, 1, 0));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_of_many_callers_in_two_processes_reloads() {
    let subject = with_stale_value().await;
    let other = subject.elsewhere();
    let began = Instant::now();
    let (here, there) =
        tokio::join!(subject.crowd(100, LOAD, Ok(2)), other.crowd(100, LOAD, Ok(2)));
    assert!(here.iter().chain(&there).all(|answer| *answer == Ok(1)));
    // While it runs, too.
    sleep(LOAD / 2).await;
    assert_eq!(other.behind(1, LOAD, Ok(3)).await, Ok(1));
    assert_eq!(began.elapsed(), LOAD / 2);
    subject.settle().await;
    other.settle().await;
    assert_eq!(subject.loads(), 2);
    assert_eq!(subject.stats().reloads + other.stats().reloads, 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_is_stale_for_as_long_as_the_policy_says() {
    let subject = stale();
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    subject.advance(70 * SECOND - MILLI);
    assert_eq!(subject.behind(1, Duration::ZERO, Err("down")).await, Ok(1));
    subject.settle().await;
    subject.advance(2 * MILLI);
    assert_eq!(subject.behind(1, Duration::ZERO, Err("down")).await, Err("down"));
    assert_eq!(subject.behind(1, Duration::ZERO, Ok(2)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_reload_nobody_tries_again_for_a_while() {
    let subject = with_stale_value().await;
    let other = subject.elsewhere();
    for _ in 0..3 {
        assert_eq!(subject.behind(1, LOAD, Err("down")).await, Ok(1));
        subject.settle().await;
        // A quarter of `stale`; the setting says twice as long.
        for _ in 0..14 {
            subject.advance(SECOND);
            assert_eq!(subject.behind(1, LOAD, Err("down")).await, Ok(1));
            assert_eq!(other.behind(1, LOAD, Err("down")).await, Ok(1));
            subject.settle().await;
            other.settle().await;
        }
        subject.advance(SECOND);
    }
    let stats = subject.stats();
    assert_eq!((subject.loads(), stats.reloads, stats.failed_reloads), (4, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_is_not_served_stale() {
    for by in ["entry", "tag", "function"] {
        let mut subject = stale();
        subject.tags = vec!["shelf:7".to_owned()];
        subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
        subject.advance(TTL + MILLI);
        match by {
            "entry" => subject.invalidate(1).await,
            "tag" => subject.cache.invalidate_tag("shelf:7").await,
            _ => subject.invalidate_all().await,
        }
        .expect("in-process");
        assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(2), "by {by}");
        assert_eq!(subject.stats().stale_hits, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_during_its_reload_is_loaded_anew() {
    for by in ["entry", "tag", "function"] {
        let mut subject = stale();
        subject.tags = vec!["shelf:7".to_owned()];
        subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
        subject.advance(TTL + MILLI);
        assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(1));
        sleep(LOAD / 2).await;
        match by {
            "entry" => subject.invalidate(1).await,
            "tag" => subject.cache.invalidate_tag("shelf:7").await,
            _ => subject.invalidate_all().await,
        }
        .expect("in-process");
        // The reload under way has read its source before.
        assert_eq!(subject.behind(1, LOAD, Ok(3)).await, Ok(3), "by {by}");
        subject.settle().await;
        assert_eq!(subject.behind(1, LOAD, Ok(4)).await, Ok(3), "by {by}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_reload_keeps_its_lease_and_the_value() {
    let mut subject = stale();
    subject.policy.lease = Some(SECOND);
    subject.policy.stale = Some(2 * SECOND);
    let other = subject.elsewhere();
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    sleep(11 * SECOND).await;
    assert_eq!(subject.behind(1, 5 * SECOND, Ok(2)).await, Ok(1));
    // Beyond the end of the value, which is kept for its reload, but stale it is no longer: callers
    // wait.
    sleep(2 * SECOND).await;
    assert_eq!(other.behind(1, LOAD, Ok(3)).await, Ok(2));
    assert_eq!(subject.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_hangs_is_given_up_after_its_load_timeout() {
    let mut subject = stale();
    subject.policy.load_timeout = 20 * SECOND;
    subject.policy.stale = Some(600 * SECOND);
    let other = subject.elsewhere();
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    subject.advance(TTL + MILLI);
    assert_eq!(subject.behind(1, 3600 * SECOND, Ok(2)).await, Ok(1));
    sleep(19 * SECOND).await;
    assert_eq!(other.behind(1, LOAD, Ok(3)).await, Ok(1));
    assert_eq!(subject.loads(), 2, "it has the lease");
    sleep(2 * SECOND).await;
    assert_eq!(subject.stats().failed_reloads, 1);
    assert_eq!(subject.cache.stats().running_reloads, 0, "its place is free again");
    // As after any reload that failed, nobody tries for a while.
    sleep(31 * SECOND).await;
    assert_eq!(other.behind(1, LOAD, Ok(3)).await, Ok(1));
    other.settle().await;
    assert_eq!(other.behind(1, LOAD, Ok(4)).await, Ok(3));
}

/// With a value that is so dear to load that nine of ten who ask are early.
async fn eager() -> Subject {
    let subject = Subject::with_policy(Policy { early: Some(10.0), ..Policy::new(TTL) });
    subject.behind(1, 20 * SECOND, Ok(1)).await.ok();
    subject
}

#[tokio::test(start_paused = true)]
async fn an_early_reload_runs_behind_a_fresh_answer_once() {
    let subject = eager().await;
    let other = subject.elsewhere();
    let (here, there) = tokio::join!(subject.crowd(50, LOAD, Ok(2)), other.crowd(50, LOAD, Ok(2)));
    assert!(here.iter().chain(&there).all(|answer| *answer == Ok(1)));
    subject.settle().await;
    other.settle().await;
    assert_eq!(subject.loads(), 2);
    let stats = subject.stats();
    assert_eq!((stats.stale_hits, stats.misses), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_early_reload_that_fails_leaves_the_value_to_the_end_of_its_life() {
    let subject = eager().await;
    for _ in 0..100 {
        assert_eq!(subject.behind(1, LOAD, Err("down")).await, Ok(1));
        subject.settle().await;
    }
    assert_eq!(subject.stats().failed_reloads, 1, "and nobody tries again at once");
    subject.advance(TTL - SECOND);
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(1));
    subject.settle().await;
    subject.advance(TTL + SECOND);
    assert_eq!(subject.behind(1, LOAD, Ok(3)).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn without_its_own_word_nothing_is_early() {
    let subject = Subject::with_policy(Policy::new(TTL));
    subject.behind(1, LOAD, Ok(1)).await.ok();
    subject.advance(TTL - 2 * MILLI);
    for _ in 0..100 {
        assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(1));
    }
    assert_eq!(subject.loads(), 1);
}
