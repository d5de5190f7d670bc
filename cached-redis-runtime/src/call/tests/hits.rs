//! What is stored, read and replaced.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{LOAD, Subject};
use crate::cache::Cache;
use crate::error::ErrorKind;
use crate::policy::Policy;
use crate::scope::bypass;

#[tokio::test(start_paused = true)]
async fn the_second_call_is_a_hit() {
    let subject = Subject::new();
    assert_eq!(subject.with(1, async { Ok(10) }).await, Ok(10));
    assert_eq!(subject.with(1, async { Ok(11) }).await, Ok(10));
    assert_eq!(subject.with(2, async { Ok(20) }).await, Ok(20));
    let stats = subject.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.stored), (1, 2, 2, 2));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_entry_expires_when_its_clock_says_so() {
    let subject = Subject::new();
    subject.with(1, async { Ok(10) }).await.ok();
    let store = subject.cache.memory_store().expect("in-process");
    store.advance(Duration::from_millis(599_999));
    assert_eq!(subject.with(1, async { Ok(11) }).await, Ok(10));
    store.advance(Duration::from_millis(2));
    assert_eq!(subject.with(1, async { Ok(12) }).await, Ok(12));
}

#[tokio::test(start_paused = true)]
async fn errors_are_not_kept_and_give_the_lease_up() {
    let subject = Subject::new();
    assert_eq!(subject.with(1, async { Err("no") }).await, Err("no"));
    assert_eq!(subject.cache.memory_store().map(|store| store.len()), Some(0));
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn bypass_neither_reads_nor_writes() {
    let subject = Subject::new();
    assert_eq!(bypass(subject.with(1, async { Ok(1) })).await, Ok(1));
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(bypass(subject.with(1, async { Ok(3) })).await, Ok(3));
    assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(2));
    assert_eq!(subject.stats().bypasses, 2);
}

#[tokio::test(start_paused = true)]
async fn rubbish_under_the_key_is_replaced() {
    let subject = Subject::new();
    for rubbish in [Vec::new(), vec![0xff; 9], vec![b'['; 6_000_000], unreadable_payload()] {
        let store = subject.cache.memory_store().expect("in-process");
        store.set_raw(&subject.key(1), rubbish, Duration::from_secs(60));
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "replaced");
    }
}

#[tokio::test(start_paused = true)]
async fn rubbish_costs_one_load_whoever_finds_it() {
    let subject = Subject::new();
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), unreadable_payload(), Duration::from_secs(60));
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(1, LOAD, Ok(10)).await });
    }
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(10));
    }
    assert_eq!(subject.loads(), 1);
}

/// A sound header of the right schema in front of deeply nested JSON.
fn unreadable_payload() -> Vec<u8> {
    let schema = crate::key::schema(0, std::any::type_name::<u64>(), &[]);
    let mut record =
        crate::record::value(crate::record::Kind::Value, crate::record::Codec::Json, schema);
    record.extend(std::iter::repeat_n(b'[', 6_000_000));
    record
}

#[tokio::test(start_paused = true)]
async fn another_schema_is_a_miss_and_is_replaced() {
    let mut subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.policy.version = 1;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_value_above_the_limit_is_returned_and_not_stored() {
    let cache = Cache::builder().memory().max_value_bytes(3).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    assert_eq!(subject.with(1, async { Ok(9999) }).await, Ok(9999));
    assert_eq!(subject.with(1, async { Ok(999) }).await, Ok(999), "not stored");
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(999), "stored");
    assert_eq!(subject.stats().too_large, 1);
}

#[tokio::test(start_paused = true)]
async fn a_ttl_out_of_bounds_costs_hits_not_answers() {
    for ttl in [Duration::ZERO, Duration::from_secs(31 * 24 * 3600)] {
        let mut subject = Subject::new();
        subject.policy.ttl = ttl;
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
        assert_eq!(subject.stats().errors.get("ttl"), Some(&2));
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_only_shortens_and_by_no_more_than_its_share() {
    let subject = Subject::new();
    let policy = Policy { jitter: 0.5, ..subject.policy };
    let max_ttl = subject.cache.core().settings.max_ttl;
    let lives: Vec<_> = (0..1000).map(|_| policy.jittered(policy.ttl, max_ttl)).collect();
    assert!(lives.iter().all(|life| *life <= policy.ttl && *life >= policy.ttl / 2));
    let (least, most) = (lives.iter().min(), lives.iter().max());
    assert!(least < Some(&(policy.ttl * 6 / 10)) && most > Some(&(policy.ttl * 9 / 10)));
}

#[test]
fn on_an_executor_without_timers_the_body_answers() {
    let subject = Subject::new();
    let mut call = std::pin::pin!(subject.with(1, async { Ok(1) }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(call.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(1)));
    assert_eq!(subject.stats().errors.get("unreachable"), Some(&1));
}

#[test]
fn on_a_runtime_without_timers_the_body_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let cache = Cache::builder().memory().max_loads_while_down(1).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    runtime.block_on(async {
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        let error = subject.invalidate(1).await.expect_err("nobody could end it");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    });
    assert_eq!(subject.stats().errors.get("unreachable"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn absurd_times_do_no_harm() {
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let mut subject = Subject::new();
        subject.policy.lease = Some(time);
        subject.policy.load_timeout = time;
        subject.policy.negative_ttl = time;
        subject.policy.jitter = f64::NAN;
        let started = Instant::now();
        assert_eq!(subject.after(1, LOAD, Ok(1)).await, Ok(1), "{time:?}");
        assert!(started.elapsed() < 2 * LOAD, "{time:?}: {:?}", started.elapsed());
    }
}
