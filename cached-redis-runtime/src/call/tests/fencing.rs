//! What an invalidation keeps from being stored.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Answer, LOAD, SECOND, Subject, paused_runtime};
use crate::cache::Cache;
use crate::error::ErrorKind;
use crate::policy::Policy;
use crate::scope::refresh;
use crate::store::memory::Fault;
use crate::writes::Writes;

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_an_invalidation_leaves_nothing() {
    let subject = Subject::new();
    let old = subject.begin(1, LOAD, Ok(1)).await;
    subject.invalidate(1).await.expect("in-process");
    // Starts after the invalidation returned: must not join the old load.
    assert_eq!(subject.after(1, LOAD / 2, Ok(2)).await, Ok(2));
    assert_eq!(old.await.expect("no panic"), Ok(1), "its own caller began before");
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
    assert_eq!(subject.stats().superseded, 1);
}

#[tokio::test(start_paused = true)]
async fn those_who_joined_a_load_that_was_superseded_start_over() {
    let subject = Subject::new();
    let call = |value| {
        let subject = subject.clone();
        async move { subject.after(1, LOAD, Ok(value)).await }
    };
    let leader = subject.begun(call(1)).await;
    let follower = tokio::spawn(call(2));
    sleep(LOAD / 2).await;
    subject.invalidate(1).await.expect("in-process");
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    assert_eq!(follower.await.expect("no panic"), Ok(2), "only what was stored is shared");
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn an_eviction_fences_like_an_invalidation() {
    let subject = Subject::new();
    let old = subject.begin(1, LOAD, Ok(1)).await;
    assert!(subject.cache.memory_store().is_some_and(|store| store.evict(&subject.key(1))));
    old.await.expect("no panic").ok();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
}

async fn begin_to_refresh(subject: &Subject) -> JoinHandle<Answer> {
    let caller = subject.clone();
    subject.begun(async move { refresh(caller.after(1, LOAD, Ok(2))).await }).await
}

#[tokio::test(start_paused = true)]
async fn refresh_loads_while_others_still_hit() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let refreshing = begin_to_refresh(&subject).await;
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(1), "the old value stays readable");
    assert_eq!(refreshing.await.expect("no panic"), Ok(2));
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_leaves_the_old_value() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    assert_eq!(refresh(subject.with(1, async { Err("no") })).await, Err("no"));
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_during_a_refresh_wins() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let refreshing = begin_to_refresh(&subject).await;
    subject.invalidate(1).await.expect("in-process");
    refreshing.await.expect("no panic").ok();
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_failed_invalidation_is_an_error_and_is_retried_until_it_succeeds() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.fault(Fault::RefuseWrites);
    assert!(subject.invalidate(1).await.is_err());
    assert_eq!(subject.cache.stats().pending_invalidations, 1);
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "not read while it is outstanding");
    let entry = subject.entry(1);
    assert_eq!(entry.get().await.expect("in-process"), None, "neither by way of its entry");
    subject.fault(None);
    while subject.cache.stats().pending_invalidations > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
    assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_while_an_invalidation_was_outstanding_is_not_believed_after_it() {
    let subject = Subject::new();
    let invalidator = &subject.cache.core().invalidator;
    let was_outstanding =
        |before| invalidator.was_outstanding(before, &subject.key(1), &[], || None);
    let well = invalidator.before_reading();
    assert!(!was_outstanding(well));
    subject.fault(Fault::RefuseWrites);
    assert!(subject.invalidate(1).await.is_err());
    let before = invalidator.before_reading();
    assert!(was_outstanding(before));
    subject.fault(None);
    subject.settle().await;
    assert!(was_outstanding(before), "its answer may have been on its way");
    assert!(!was_outstanding(invalidator.before_reading()));
}

#[tokio::test(start_paused = true)]
async fn too_many_failed_invalidations_are_counted() {
    let cache = Cache::builder().memory().max_pending_invalidations(2).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    subject.fault(Fault::Down);
    for id in 0..5 {
        assert!(subject.invalidate(id).await.is_err());
    }
    let stats = subject.cache.stats();
    assert_eq!(stats.failed_invalidations, 5);
    assert_eq!((stats.pending_invalidations, stats.dropped_invalidations), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refused_invalidation_ends_when_its_entry_must_have_expired() {
    let policy = Policy { load_timeout: SECOND, lease: None, ..Policy::new(60 * SECOND) };
    let subject = Subject::with_policy(policy);
    let old = subject.elsewhere();
    assert_eq!(old.after(1, LOAD, Ok(1)).await, Ok(1));
    subject.store().forbid(Some(&subject.key(1)));
    assert_eq!(subject.invalidate(1).await.expect_err("refused").kind(), ErrorKind::Server);
    let stats = subject.cache.stats();
    assert_eq!((stats.pending_invalidations, stats.refused_invalidations), (1, 1));
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(2), "not read while it may be there");
    sleep(policy.longest_life(SECOND * 3600) - SECOND).await;
    assert_eq!(subject.after(1, LOAD, Ok(3)).await, Ok(3), "another process may have loaded it");
    sleep(SECOND).await;
    subject.advance(60 * SECOND);
    assert_eq!(subject.after(1, LOAD, Ok(4)).await, Ok(4));
    assert_eq!(subject.after(1, LOAD, Ok(5)).await, Ok(4), "cached again");
    assert_eq!(subject.cache.stats().refused_invalidations, 1, "counted once");
}

#[tokio::test(start_paused = true)]
async fn a_refused_invalidation_of_what_hits_keep_alive_does_not_end() {
    let cache = Cache::builder().memory().max_ttl(60 * SECOND).build().expect("valid");
    let policy = Policy { sliding: true, ..Policy::new(60 * SECOND) };
    let subject = Subject { cache, ..Subject::with_policy(policy) };
    subject.store().forbid(Some(&subject.key(1)));
    subject.invalidate(1).await.expect_err("refused");
    for hour in 0..3 {
        assert_eq!(subject.after(1, LOAD, Ok(hour)).await, Ok(hour));
        sleep(3600 * SECOND).await;
    }
    subject.store().forbid(None);
    subject.settle().await;
    assert_eq!(subject.after(1, LOAD, Ok(9)).await, Ok(9));
    assert_eq!(subject.after(1, LOAD, Ok(10)).await, Ok(9));
}

/// What nobody in this process reads.
#[tokio::test(start_paused = true)]
async fn a_refused_invalidation_is_given_up_after_twice_the_longest_life() {
    let cache = Cache::builder().memory().max_ttl(60 * SECOND).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    subject.store().forbid(Some(&subject.key(1)));
    subject.invalidate(1).await.expect_err("refused");
    sleep(119 * SECOND).await;
    assert_eq!(subject.cache.stats().pending_invalidations, 1);
    sleep(15 * SECOND).await;
    let stats = subject.cache.stats();
    assert_eq!((stats.pending_invalidations, stats.dropped_invalidations), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_keeps_nothing_else_from_being_removed() {
    let subject = Subject::new();
    for id in 0..3 {
        subject.with(id, async { Ok(1) }).await.ok();
    }
    subject.store().forbid(Some(&subject.key(1)));
    let mut writes = Writes::new();
    (0..3).for_each(|id| writes.entry(subject.invalidate(id)));
    assert_eq!(writes.send().await.expect_err("one is refused").kind(), ErrorKind::Server);
    let is_there = |id| subject.store().get_raw(&subject.key(id)).is_some();
    assert_eq!([0, 1, 2].map(is_there), [false, true, false]);
    // Nor does it keep those from being retried that fail for another reason.
    subject.fault(Fault::Down);
    subject.invalidate(5).await.expect_err("away");
    assert_eq!(subject.cache.stats().pending_invalidations, 2);
    subject.fault(None);
    sleep(SECOND).await;
    assert_eq!(subject.cache.stats().pending_invalidations, 1);
    subject.store().forbid(None);
    subject.invalidate(1).await.expect("allowed by now");
    assert_eq!(subject.cache.stats().pending_invalidations, 0, "it is made up for");
}

/// An entry that others read lives on, however short its `ttl`.
#[tokio::test(start_paused = true)]
async fn a_failed_invalidation_is_kept_for_longer_than_any_entry_lives() {
    let cache = Cache::builder().memory().max_ttl(2 * SECOND).build().expect("valid");
    let policy = Policy { sliding: true, ..Policy::new(2 * SECOND) };
    let subject = Subject { cache, ..Subject::with_policy(policy) };
    subject.fault(Fault::Down);
    assert!(subject.invalidate(1).await.is_err());
    sleep(60 * SECOND).await;
    assert_eq!(subject.cache.stats().pending_invalidations, 1);
    subject.fault(None);
    assert_eq!(subject.elsewhere().after(1, LOAD, Ok(1)).await, Ok(1));
    subject.settle().await;
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(2));
}

/// The runtime on which an invalidation failed may end before it has been made up for.
#[test]
fn a_failed_invalidation_outlives_its_runtime() {
    let subject = Subject::new();
    subject.fault(Fault::RefuseWrites);
    assert!(paused_runtime().block_on(subject.invalidate(1)).is_err());
    subject.fault(None);
    paused_runtime().block_on(async {
        subject.with(2, async { Ok(2) }).await.expect("a value");
        let made_up_for = async {
            while subject.cache.stats().pending_invalidations > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SECOND, made_up_for).await.expect("any call will do");
    });
}

/// It is kept for the next time, and its tasks neither run nor end.
#[test]
fn a_failed_invalidation_does_not_wait_for_a_runtime_that_nobody_drives() {
    let subject = Subject::new();
    subject.fault(Fault::RefuseWrites);
    let kept = paused_runtime();
    assert!(kept.block_on(subject.invalidate(1)).is_err());
    subject.fault(None);
    paused_runtime().block_on(async {
        let made_up_for = async {
            while subject.cache.stats().pending_invalidations > 0 {
                sleep(Duration::from_millis(10)).await;
                subject.with(2, async { Ok(2) }).await.expect("a value");
            }
        };
        tokio::time::timeout(5 * SECOND, made_up_for).await.expect("any call will do");
    });
    subject.fault(Fault::RefuseWrites);
    assert!(kept.block_on(subject.invalidate(1)).is_err());
    subject.fault(None);
    kept.block_on(subject.settle());
}
