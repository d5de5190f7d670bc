//! `sliding` and `ttl_with`: what else decides about the fresh life of a value.

use std::time::Duration;

use tokio::time::sleep;

use super::{Answer, MILLI, SECOND, Subject};
use crate::outcome::{
    ReturnType, ReturnTypeFallibleOptional as _, ReturnTypeOneLayer as _, ttl_with,
};
use crate::policy::Policy;
use crate::scope::refresh;
use crate::store::memory::Fault;

const TTL: Duration = Duration::from_secs(100);

fn sliding() -> Subject {
    Subject::with_policy(Policy { sliding: true, ..Policy::new(TTL) })
}

/// The deadline of the value as it stands in the store.
async fn left(subject: &Subject) -> Duration {
    subject.entry(1).ttl().await.expect("in-process").expect("an entry")
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_read_lives_on() {
    let subject = sliding();
    subject.with(1, async { Ok(1) }).await.ok();
    for _ in 0..10 {
        subject.advance(TTL - SECOND);
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1));
        assert_eq!(left(&subject).await, TTL);
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_read_ends() {
    let subject = sliding();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.advance(TTL / 2);
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1));
    subject.advance(TTL - MILLI);
    assert_eq!(
        subject.entry(1).get().await.expect("in-process"),
        Some(Ok(1)),
        "looking is not use"
    );
    subject.advance(2 * MILLI);
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_ten_times_in_its_life_at_most_however_often_it_is_read() {
    let subject = sliding();
    subject.with(1, async { Ok(1) }).await.ok();
    let mut renewals = 0;
    for _ in 0..10_000 {
        subject.advance(TTL / 1000);
        let before = left(&subject).await;
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1));
        let after = left(&subject).await;
        assert!(after >= TTL * 9 / 10, "{after:?}");
        renewals += u32::from(after > before);
    }
    // Ten lives.
    assert!((90..=100).contains(&renewals), "{renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_does_not_bring_back_what_was_invalidated() {
    let subject = sliding();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.advance(TTL / 2);
    // Read at 10 ms, invalidated at 15, renewed at 20.
    subject.fault(Fault::Slow(10 * MILLI));
    let invalidate = async {
        sleep(5 * MILLI).await;
        subject.invalidate(1).await
    };
    let (read, invalidated) = tokio::join!(subject.with(1, async { Ok(2) }), invalidate);
    invalidated.expect("in-process");
    assert_eq!(read, Ok(1), "it began before");
    subject.fault(None);
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
}

/// It leaves its mark in the entry, where nobody takes it away.
#[tokio::test(start_paused = true)]
async fn a_refresh_whose_process_died_does_not_keep_a_value_from_being_renewed() {
    let subject = sliding();
    subject.with(1, async { Ok(1) }).await.ok();
    let dead = subject.elsewhere();
    let load = tokio::spawn(async move { refresh(dead.after(1, TTL, Ok(9))).await });
    sleep(MILLI).await;
    subject.fault(Fault::Refuse);
    load.abort();
    sleep(SECOND).await;
    subject.fault(None);
    subject.advance(TTL / 2);
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1));
    assert_eq!(left(&subject).await, TTL);
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_not_renewed_also_after_a_failed_refresh() {
    let outcome = || (&&&ReturnType::<Result<Option<u64>, ()>>::new()).outcome();
    let policy = Policy { sliding: true, negative_ttl: SECOND, ..Policy::new(TTL) };
    let subject = Subject::with_policy(policy);
    subject.call(1).run(outcome(), || async { Ok(None) }).await.ok();
    refresh(subject.call(1).run(outcome(), || async { Err(()) })).await.ok();
    for _ in 0..3 {
        subject.advance(SECOND / 4);
        assert_eq!(subject.call(1).run(outcome(), || async { Ok(Some(1)) }).await, Ok(None));
    }
    subject.advance(SECOND / 4);
    assert_eq!(subject.call(1).run(outcome(), || async { Ok(Some(1)) }).await, Ok(Some(1)));
}

async fn with_own_life(subject: &Subject, answer: u64) -> Answer {
    let outcome = ttl_with((&&ReturnType::<Answer>::new()).outcome(), |value: &u64| *value);
    subject.call(1).run(outcome, || async { Ok(answer) }).await
}

#[tokio::test(start_paused = true)]
async fn a_value_can_shorten_its_life() {
    let subject = Subject::with_policy(Policy::new(TTL));
    assert_eq!(with_own_life(&subject, 30).await, Ok(30));
    assert_eq!(left(&subject).await, 30 * SECOND);
    subject.advance(30 * SECOND);
    assert_eq!(with_own_life(&subject, 40).await, Ok(40));
}

#[tokio::test(start_paused = true)]
async fn a_value_cannot_lengthen_its_life() {
    let subject = Subject::with_policy(Policy::new(TTL));
    assert_eq!(with_own_life(&subject, 3000).await, Ok(3000));
    assert_eq!(left(&subject).await, TTL);
}

#[tokio::test(start_paused = true)]
async fn a_value_with_no_life_is_not_stored() {
    let subject = Subject::with_policy(Policy::new(TTL));
    assert_eq!(with_own_life(&subject, 0).await, Ok(0));
    assert!(subject.store().is_empty(), "nor is its lease");
    assert_eq!(with_own_life(&subject, 1).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn its_own_life_comes_before_the_grace() {
    let policy = Policy { stale_if_error: Some(600 * SECOND), ..Policy::new(TTL) };
    let subject = Subject::with_policy(policy);
    with_own_life(&subject, 30).await.ok();
    assert_eq!(left(&subject).await, 630 * SECOND);
    subject.advance(31 * SECOND);
    assert_eq!(subject.with(1, async { Err("down") }).await, Ok(30));
}
