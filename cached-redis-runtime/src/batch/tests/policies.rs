//! Policies hold for each entry of a batch.

use std::time::Duration;

use tokio::time::sleep;

use super::{LOAD, SECOND, Subject, tenfold};
use crate::policy::Policy;
use crate::{bypass, refresh};

fn stale() -> Policy {
    Policy { stale: Some(60 * SECOND), ..Policy::new(10 * SECOND) }
}

#[tokio::test(start_paused = true)]
async fn stale_values_are_answered_and_reloaded_by_one_load() {
    let subject = Subject::with_policy(stale());
    subject.get_detachable(&[1, 2, 3]).await;
    subject.take_loads();
    subject.store().advance(11 * SECOND);
    subject.set_factor(20);
    assert_eq!(subject.get_detachable(&[1, 2, 3]).await, tenfold(&[1, 2, 3]));
    sleep(SECOND).await;
    assert_eq!(subject.take_loads(), [[1, 2, 3]]);
    assert_eq!(subject.get_detachable(&[1, 2]).await[&2], 40);
    assert!(subject.take_loads().is_empty());
    let stats = subject.stats();
    assert_eq!((stats.stale_hits, stats.reloads), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn stale_values_are_reloaded_by_one_process() {
    let subject = Subject::with_policy(stale()).slow();
    let other = subject.elsewhere();
    subject.get_detachable(&[1, 2]).await;
    subject.take_loads();
    subject.store().advance(11 * SECOND);
    for _ in 0..3 {
        tokio::join!(subject.get_detachable(&[1, 2]), other.get_detachable(&[2, 1]));
    }
    sleep(SECOND).await;
    let mut loads = subject.take_loads().concat();
    loads.sort_unstable();
    assert_eq!(loads, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn where_the_body_cannot_outlive_the_call_stale_values_are_loaded_meanwhile() {
    let subject = Subject::with_policy(stale());
    subject.get(&[1, 2]).await;
    subject.take_loads();
    subject.store().advance(11 * SECOND);
    subject.set_factor(20);
    assert_eq!(subject.get(&[1, 2]).await[&1], 20);
    assert_eq!(subject.take_loads(), [[1, 2]]);
    // They stand in all the same if that fails.
    subject.store().advance(11 * SECOND);
    assert_eq!(subject.fail(&[1, 2]).await.expect("a stale value")[&1], 20);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_or_hangs_leaves_the_stale_values() {
    let subject = Subject::with_policy(Policy { load_timeout: 5 * SECOND, ..stale() });
    subject.get_detachable(&[1, 2]).await;
    subject.store().advance(11 * SECOND);
    let hanging =
        subject.batch(&[1, 2]).run_detachable(|| |_| std::future::pending::<super::Answer>());
    assert_eq!(hanging.await, Ok(tenfold(&[1, 2])));
    sleep(6 * SECOND).await;
    assert_eq!(subject.cache.stats().running_reloads, 0);
    assert_eq!(subject.stats().failed_reloads, 1);
    assert_eq!(subject.get_detachable(&[1, 2]).await, tenfold(&[1, 2]));
}

#[tokio::test(start_paused = true)]
async fn the_last_good_values_stand_in_for_a_load_that_fails() {
    let policy = Policy { stale_if_error: Some(60 * SECOND), ..Policy::new(10 * SECOND) };
    let subject = Subject::with_policy(policy);
    subject.get(&[1, 2]).await;
    subject.store().advance(11 * SECOND);
    assert_eq!(subject.fail(&[1, 2]).await, Ok(tenfold(&[1, 2])));
    assert_eq!(subject.stats().fallbacks, 2);
    // For a while nobody tries again.
    subject.take_loads();
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    assert!(subject.take_loads().is_empty());
    // One of them has none.
    subject.store().advance(30 * SECOND);
    assert_eq!(subject.fail(&[1, 2, 3]).await, Err("away"));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn refresh_and_bypass_hold_for_all_entries() {
    let subject = Subject::new();
    subject.get(&[1, 2]).await;
    subject.take_loads();
    subject.set_factor(20);
    assert_eq!(bypass(subject.get(&[1, 2])).await[&1], 20);
    assert_eq!(subject.get(&[1, 2]).await[&1], 10);
    assert_eq!(refresh(subject.get(&[1, 2])).await[&1], 20);
    assert_eq!(subject.get(&[1, 2]).await[&1], 20);
    assert_eq!(subject.take_loads(), [[1, 2], [1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_body_is_the_callers_and_hands_the_leases_over() {
    let subject = Subject::new().slow();
    let panicking = subject.clone();
    let task = tokio::spawn(async move {
        let load = |_| async {
            sleep(LOAD).await;
            panic!("as it is meant to")
        };
        panicking.batch(&[1, 2]).run::<super::Answer, _, _>(load).await
    });
    sleep(LOAD / 2).await;
    assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    assert!(task.await.is_err());
    assert_eq!(subject.take_loads(), [[1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn a_hit_renews_what_slides() {
    let policy = Policy { sliding: true, ..Policy::new(600 * SECOND) };
    let subject = Subject::with_policy(policy);
    subject.get(&[1, 2]).await;
    for _ in 0..3 {
        subject.store().advance(500 * SECOND);
        assert_eq!(subject.get(&[1, 2]).await, tenfold(&[1, 2]));
    }
    assert_eq!(subject.take_loads(), [[1, 2]]);
    subject.store().advance(601 * SECOND);
    subject.get(&[1, 2]).await;
    assert_eq!(subject.take_loads(), [[1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn lives_are_those_of_the_policy() {
    let subject = Subject::with_policy(Policy::new(10 * SECOND));
    subject.get(&[1]).await;
    let left = subject.entry(&super::by_return::<super::Answer>(), 1).ttl().await;
    assert_eq!(left.expect("it is there"), Some(10 * SECOND));
    let _: Duration = LOAD;
}
