//! One load for many callers of one process.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{LOAD, MILLI, Subject};
use crate::cache::Cache;
use crate::store::memory::Fault;

#[tokio::test(start_paused = true)]
async fn five_hundred_callers_load_once() {
    let subject = Subject::new();
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(1, LOAD, Ok(10)).await });
    }
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(10));
    }
    assert_eq!(subject.loads(), 1);
    assert_eq!(subject.stats().coalesced, 499);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

/// As a function on a graph does that skips an argument: how deep it is.
#[tokio::test(start_paused = true)]
async fn a_load_does_not_wait_for_itself() {
    let subject = Subject::new();
    let began = Instant::now();
    let caller = subject.clone();
    let outer = async move {
        let between = caller.with(2, caller.after(1, LOAD, Ok(1)));
        caller.with(1, between).await
    };
    let outer = subject.begun(outer).await;
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(1), "others do");
    assert_eq!(outer.await.expect("no panic"), Ok(1));
    assert_eq!((subject.loads(), began.elapsed()), (3, LOAD));
}

/// Whether it is stored is known to the store by then: an invalidation may come before the answer.
#[tokio::test(start_paused = true)]
async fn a_load_that_is_being_stored_takes_no_more_followers() {
    let subject = Subject::new();
    let leader = subject.begin(1, LOAD, Ok(1)).await;
    sleep(LOAD - MILLI).await;
    subject.fault(Fault::Slow(LOAD / 2));
    sleep(2 * MILLI).await;
    subject.fault(None);
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(1), "it asks until it is stored");
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    assert_eq!((subject.loads(), subject.stats().coalesced), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_leader_is_replaced_by_exactly_one_follower() {
    let subject = Subject::new();
    let leader = subject.begin(1, LOAD, Ok(1)).await;
    let mut followers = JoinSet::new();
    for _ in 0..100 {
        let subject = subject.clone();
        followers.spawn(async move { subject.after(1, LOAD, Ok(2)).await });
    }
    sleep(LOAD / 2).await;
    leader.abort();
    while let Some(answer) = followers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(2));
    }
    assert_eq!(subject.loads(), 2);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_leader_is_replaced_too() {
    let subject = Subject::new();
    let caller = subject.clone();
    let panicking = async move {
        let body = async {
            sleep(LOAD).await;
            panic!("the body's own")
        };
        caller.with(1, body).await
    };
    let leader = subject.begun(panicking).await;
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(2));
    assert!(leader.await.is_err_and(|error| error.is_panic()));
    assert_eq!((subject.loads(), subject.cache.loads_in_flight()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn callers_with_deadlines_do_not_hand_over_for_ever() {
    const SLOW: Duration = Duration::from_millis(800);
    let subject = Subject::new();
    let mut callers = JoinSet::new();
    for caller in 0..300_u64 {
        let subject = subject.clone();
        // The first gives up early; the others have just about time for one load.
        let patience = Duration::from_millis(if caller == 0 { 700 } else { 1000 });
        callers.spawn(async move {
            sleep(Duration::from_millis(10) * u32::try_from(caller).expect("small")).await;
            tokio::time::timeout(patience, subject.after(1, SLOW, Ok(1))).await.is_ok()
        });
    }
    let mut answered = 0;
    while let Some(answer) = callers.join_next().await {
        answered += usize::from(answer.expect("no panic"));
    }
    // Those who came in the first 0.6 s cannot have an answer before 1.5 s.
    assert!(answered > 220, "{answered} of 300");
    assert!(subject.loads() <= 3, "{} loads", subject.loads());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_is_loaded_in_parallel_not_in_line() {
    let cache = Cache::builder().memory().max_value_bytes(1).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    let started = Instant::now();
    let answers = subject.crowd(50, LOAD, Ok(10)).await;
    assert!(answers.iter().all(|answer| *answer == Ok(10)));
    assert_eq!(started.elapsed(), 2 * LOAD);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_keys_do_not_wait_for_each_other() {
    let subject = Subject::new();
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for id in 0..10_000 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(id, LOAD, Ok(id)).await });
    }
    while let Some(answer) = callers.join_next().await {
        answer.expect("no panic").expect("a value");
    }
    // Timers have a grain of one millisecond.
    assert!(started.elapsed() < LOAD * 11 / 10, "{:?}", started.elapsed());
    assert_eq!(subject.loads(), 10_000);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}
