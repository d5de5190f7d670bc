//! `Entry::expire()`: the end of a fresh life, on purpose.

use std::time::Duration;

use tokio::time::Instant;

use super::{LOAD, SECOND, Subject};
use crate::policy::Policy;

const TTL: Duration = Duration::from_secs(100);

async fn expired(policy: Policy) -> Subject {
    let subject = Subject::with_policy(policy);
    subject.behind(1, Duration::ZERO, Ok(1)).await.ok();
    assert!(subject.entry(1).expire().await.expect("in-process"));
    subject
}

#[tokio::test(start_paused = true)]
async fn without_a_grace_the_next_call_loads() {
    let subject = expired(Policy::new(TTL)).await;
    assert_eq!(subject.entry(1).get().await.expect("in-process"), None);
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(2));
    assert_eq!(subject.behind(1, LOAD, Ok(3)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn with_stale_the_next_call_reloads_behind_its_answer() {
    let subject = expired(Policy { stale: Some(60 * SECOND), ..Policy::new(TTL) }).await;
    let began = Instant::now();
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(1));
    assert_eq!(began.elapsed(), Duration::ZERO);
    subject.settle().await;
    assert_eq!(subject.behind(1, LOAD, Ok(3)).await, Ok(2));
    assert_eq!(subject.stats().stale_hits, 1);
}

#[tokio::test(start_paused = true)]
async fn with_stale_if_error_the_next_call_loads_and_may_fail() {
    let subject = expired(Policy { stale_if_error: Some(60 * SECOND), ..Policy::new(TTL) }).await;
    assert_eq!(subject.behind(1, LOAD, Err("down")).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_does_not_outlive_what_it_was_given() {
    let subject = expired(Policy { stale: Some(60 * SECOND), ..Policy::new(TTL) }).await;
    subject.advance(160 * SECOND);
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_load_under_way_is_stored_all_the_same() {
    let subject = Subject::with_policy(Policy::new(TTL));
    let loading = subject.begin(1, LOAD, Ok(1)).await;
    assert!(!subject.entry(1).expire().await.expect("in-process"), "there is no value yet");
    loading.await.expect("no panic").ok();
    assert_eq!(subject.behind(1, LOAD, Ok(2)).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn without_an_entry_there_is_nothing_to_expire() {
    let subject = Subject::new();
    assert!(!subject.entry(1).expire().await.expect("in-process"));
}
