//! Who may load, over processes, and for how long.

use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep;

use super::{LOAD, Subject};
use crate::group::Stamps;
use crate::lease::LeaseId;
use crate::store::memory::Fault;

/// What ACQUIRE leaves behind.
fn lease_record(id: &LeaseId, schema: u64) -> Vec<u8> {
    crate::record::lease(id, schema, &Stamps::default(), false)
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_the_load_runs() {
    let mut subject = Subject::new();
    subject.policy.lease = Some(Duration::from_millis(300));
    let slow = Duration::from_secs(5);
    let leader = subject.begin(1, slow, Ok(1)).await;
    sleep(slow / 2).await;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "waits and shares");
    leader.await.expect("no panic").ok();
    assert_eq!(subject.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_load_timeout() {
    let mut subject = Subject::new();
    subject.policy.load_timeout = Duration::from_secs(1);
    let leader = subject.begin(1, Duration::from_secs(60), Ok(1)).await;
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert!(started.elapsed() <= Duration::from_millis(1100), "{:?}", started.elapsed());
    assert_eq!(leader.await.expect("no panic"), Ok(1), "the body itself is never cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_not_polled_delays_others_by_at_most_its_lease() {
    let mut subject = Subject::new();
    subject.policy.lease = Some(Duration::from_secs(2));
    let mut stalled = Box::pin(subject.after(1, LOAD, Ok(1)));
    while subject.loads() == 0 {
        tokio::select! {
            biased;
            _ = &mut stalled => unreachable!("still loading"),
            () = tokio::task::yield_now() => {}
        }
    }
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert!(started.elapsed() < Duration::from_millis(2100), "{:?}", started.elapsed());
    assert_eq!(stalled.await, Ok(1));
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2), "what was stored later");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_crashed_delays_others_by_at_most_its_lease() {
    let mut subject = Subject::new();
    subject.policy.lease = Some(Duration::from_secs(2));
    let (key, schema) = (subject.key(1), crate::key::schema(0, "u64", &[]));
    let crashed = crate::lease::LeaseId::new(crate::lease::Nonce { process: 1, sequence: 1 }, 1);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&key, lease_record(&crashed, schema), Duration::from_secs(2));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_millis(2200), "{waited:?}");
    assert_eq!(subject.stats().waits, 1);
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "stored");
}

#[tokio::test(start_paused = true)]
async fn without_a_lock_nobody_waits_for_another_process() {
    let mut subject = Subject::new();
    subject.policy.lease = None;
    let other = crate::lease::LeaseId::new(crate::lease::Nonce { process: 1, sequence: 1 }, 1);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), lease_record(&other, 0), Duration::from_secs(60));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_question_does_not_keep_the_lease() {
    let subject = Subject::new();
    subject.fault(Fault::Slow(Duration::from_millis(20)));
    // Cancelled between ACQUIRE and its reply.
    let asking = subject.after(1, LOAD, Ok(1));
    let cancelled = tokio::time::timeout(Duration::from_millis(41), asking).await;
    assert!(cancelled.is_err());
    subject.fault(None);
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2), "stored");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_executed_twice_is_granted() {
    let subject = Subject::new();
    let last = subject.cache.core().flights.ask("", Box::new(|_| {})).nonce();
    // What the next question will ask, as if its first execution had been answered to nobody.
    let nonce = crate::lease::Nonce { sequence: last.sequence + 1, ..last };
    let lease = lease_record(&LeaseId::new(nonce, 1), 0);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), lease, Duration::from_secs(10));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "stored under that lease");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_its_holder_could_not_give_up_is_taken_over() {
    let subject = Subject::new();
    let orphan = subject.cache.core().flights.ask("", Box::new(|_| {}));
    let lease = lease_record(&LeaseId::new(orphan.nonce(), 1), 0);
    drop(orphan);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), lease, Duration::from_secs(10));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    assert!(started.elapsed() < Duration::from_millis(50), "{:?}", started.elapsed());
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "stored under that lease");
}
