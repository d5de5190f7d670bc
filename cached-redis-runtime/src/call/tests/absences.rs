//! Absences: kept for a time of their own, and never beyond it.

use std::time::Duration;

use tokio::time::timeout;

use super::{MILLI, SECOND, Subject};
use crate::outcome::{ReturnType, ReturnTypeOneLayer as _};
use crate::policy::Policy;
use crate::scope::refresh;
use crate::store::memory::Fault;

async fn call(subject: &Subject, answer: Option<u64>) -> Option<u64> {
    let outcome = (&&ReturnType::<Option<u64>>::new()).outcome();
    subject.call(1).run_detachable(outcome, move || async move { answer }).await
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_not_served_stale() {
    let policy = Policy {
        stale: Some(60 * SECOND),
        stale_if_error: Some(600 * SECOND),
        negative_ttl: 5 * SECOND,
        ..Policy::new(10 * SECOND)
    };
    let subject = Subject::with_policy(policy);
    assert_eq!(call(&subject, None).await, None);
    subject.advance(5 * SECOND - MILLI);
    assert_eq!(call(&subject, Some(1)).await, None);
    subject.advance(2 * MILLI);
    assert_eq!(call(&subject, Some(1)).await, Some(1));
    let stats = subject.stats();
    assert_eq!((stats.negative_hits, stats.stale_hits), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_absence_replaces_a_stale_value() {
    let policy = Policy { stale: Some(60 * SECOND), ..Policy::new(10 * SECOND) };
    let subject = Subject::with_policy(policy);
    assert_eq!(call(&subject, Some(1)).await, Some(1));
    subject.advance(11 * SECOND);
    assert_eq!(call(&subject, None).await, Some(1), "stale");
    subject.settle().await;
    assert_eq!(call(&subject, Some(2)).await, None);
    let ttl = subject.call(1).entry((&&ReturnType::<Option<u64>>::new()).outcome()).ttl().await;
    assert_eq!(ttl.expect("in-process"), Some(Duration::from_secs(10)), "without a grace");
}

/// An answer that is not kept is newer all the same.
#[tokio::test(start_paused = true)]
async fn an_absence_that_is_not_kept_removes_an_older_value() {
    let policy = Policy {
        stale: Some(60 * SECOND),
        stale_if_error: Some(600 * SECOND),
        negative_ttl: Duration::ZERO,
        ..Policy::new(10 * SECOND)
    };
    let subject = Subject::with_policy(policy);
    for life in [10 * SECOND + MILLI, 70 * SECOND + MILLI] {
        assert_eq!(call(&subject, Some(1)).await, Some(1));
        subject.advance(life);
        call(&subject, None).await;
        subject.settle().await;
        assert_eq!(call(&subject, Some(2)).await, Some(2), "after {life:?}");
        assert_eq!(refresh(call(&subject, None)).await, None);
        assert!(subject.store().is_empty(), "after a refresh");
    }
    // Nor if it cannot be removed at once.
    for (fault, patience) in [(Fault::Down, SECOND), (Fault::Hang, SECOND), (Fault::Hang, MILLI)] {
        assert_eq!(call(&subject, Some(1)).await, Some(1));
        let cut_off = subject.clone();
        let load = move || async move {
            cut_off.fault(fault);
            None
        };
        let outcome = (&&ReturnType::<Option<u64>>::new()).outcome();
        let answer = refresh(subject.call(1).run_detachable(outcome, load));
        let answer = timeout(patience, answer).await;
        assert_eq!(answer.ok(), (patience == SECOND).then_some(None), "or cancelled");
        subject.fault(None);
        subject.settle().await;
        assert!(subject.store().is_empty(), "retried");
    }
}
