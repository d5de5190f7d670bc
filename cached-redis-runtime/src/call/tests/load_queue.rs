//! After a load that has failed, or takes too long, callers take turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{Answer, LOAD, SECOND, Subject};
use crate::cache::Cache;

/// Callers of one key whose body is `answer` of the number of its run; their answers, and how many
/// bodies ran at a time.
async fn crowd(subject: &Subject, callers: u64, answer: fn(u64) -> Answer) -> (Vec<Answer>, u64) {
    let [runs, running, most]: [Arc<AtomicU64>; 3] = Default::default();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let subject = subject.clone();
        let (runs, running, most) = (Arc::clone(&runs), Arc::clone(&running), Arc::clone(&most));
        let body = async move {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(LOAD).await;
            running.fetch_sub(1, Ordering::SeqCst);
            answer(run)
        };
        tasks.spawn(async move { subject.with(1, body).await });
    }
    (tasks.join_all().await, most.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_load_a_few_run_at_a_time() {
    let cache = Cache::builder().memory().max_loads_after_failure(3).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    let (answers, most) = crowd(&subject, 100, |_| Err("down")).await;
    assert!(answers.iter().all(|answer| *answer == Err("down")), "each has its own error");
    assert_eq!((most, subject.loads(), subject.stats().queued), (3, 100, 96));
    assert_eq!(subject.cache.core().load_queues.len(), 0);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_succeeds_answers_all_who_wait_for_their_turn() {
    let subject = Subject::new();
    let began = Instant::now();
    let (answers, most) =
        crowd(&subject, 200, |run| if run == 0 { Err("down") } else { Ok(7) }).await;
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(7)).count(), 199);
    assert_eq!((most, subject.loads(), began.elapsed()), (4, 5, 2 * LOAD));
    assert_eq!(subject.with(1, async { Ok(8) }).await, Ok(7), "one of them has stored it");
    assert_eq!(subject.cache.core().load_queues.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn callers_who_lose_patience_do_not_load_all_at_once() {
    let mut subject = Subject::new();
    subject.policy.load_timeout = SECOND;
    let hanging = subject.begin(1, 60 * SECOND, Ok(1)).await;
    for subject in [subject.clone(), subject.elsewhere()] {
        let before = subject.loads();
        let began = Instant::now();
        let (answers, most) = crowd(&subject, 1_000, |_| Ok(2)).await;
        assert!(answers.iter().all(|answer| *answer == Ok(2)));
        // Four, and one that has the lease anew.
        let loads = subject.loads() - before;
        assert!(most <= 5 && loads <= 5, "{most} at a time, {loads} in all");
        assert!(began.elapsed() <= SECOND + 2 * LOAD, "{:?}", began.elapsed());
    }
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn bodies_that_hang_do_not_keep_everybody_waiting() {
    let mut subject = Subject::new();
    subject.policy.load_timeout = SECOND;
    let mut tasks = JoinSet::new();
    for _ in 0..60 {
        let subject = subject.clone();
        tasks.spawn(async move { subject.with(1, std::future::pending()).await });
    }
    let all_run = async {
        while subject.loads() < 60 {
            tokio::time::sleep(LOAD).await;
        }
    };
    timeout(6 * SECOND, all_run).await.expect("4, 8, 16, 32 and 64 at a time");
    assert!(subject.loads() == 60);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_one_who_is_cancelled_goes_to_the_next() {
    let cache = Cache::builder().memory().max_loads_after_failure(1).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    let mut callers = JoinSet::new();
    for caller in 0..50_u64 {
        let subject = subject.clone();
        let patience = if caller == 49 { 60 * SECOND } else { LOAD + LOAD / 2 };
        callers.spawn(timeout(patience, async move { subject.after(1, LOAD, Err("down")).await }));
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Ok(Err("down")))).count(), 2);
    assert_eq!((subject.cache.core().load_queues.len(), subject.cache.loads_in_flight()), (0, 0));
}

/// As a function that calls itself and skips an argument does.
#[tokio::test(start_paused = true)]
async fn a_load_does_not_wait_for_its_own_turn() {
    let cache = Cache::builder().memory().max_loads_after_failure(1).build().expect("valid");
    let mut subject = Subject { cache, ..Subject::new() };
    subject.policy.load_timeout = SECOND;
    let hanging = subject.begin(1, 60 * SECOND, Ok(1)).await;
    let began = Instant::now();
    let inner = subject.after(1, LOAD, Ok(2));
    assert_eq!(subject.with(1, inner).await, Ok(2));
    assert!(began.elapsed() <= 2 * SECOND + 2 * LOAD, "{:?}", began.elapsed());
    hanging.abort();
}

#[test]
fn at_least_one_has_to_run() {
    let refused = Cache::builder().memory().max_loads_after_failure(0).build();
    assert!(refused.expect_err("none").to_string().contains("max_loads_after_failure"));
}
