//! `previous()` and `keep()`: a source that says that nothing has changed.

use std::time::Duration;

use super::{Answer, LOAD, MILLI, SECOND, Subject};
use crate::policy::Policy;
use crate::record::Header;
use crate::revalidation::previous;
use crate::store::memory::Fault;

const TTL: Duration = Duration::from_secs(10);

fn subject() -> Subject {
    let policy = Policy { stale: Some(60 * SECOND), ..Policy::new(TTL) };
    let mut subject = Subject::with_policy(policy);
    subject.tags = vec!["shelf:7".to_owned()];
    subject
}

/// A call whose source says that it is still at this version.
async fn ask(subject: &Subject, version: u64) -> Answer {
    let load = move || async move {
        let known = previous::<u64>();
        tokio::time::sleep(LOAD).await;
        match known {
            Some(known) if *known == version => Ok(known.keep()),
            _ => Ok(version),
        }
    };
    subject.call(1).run_detachable(subject.outcome(), load).await
}

/// What stands in the store behind the lease and the deadlines.
fn content(subject: &Subject) -> Vec<u8> {
    let record = subject.store().get_raw(&subject.key(1)).expect("a record");
    let header = Header::read(&record).expect("ours");
    [header.stamps(&record), header.payload(&record)].concat()
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_is_not_sent_again() {
    let subject = subject();
    ask(&subject, 1).await.ok();
    let (content_before, sent) = (content(&subject), subject.stats().bytes_written);
    subject.advance(TTL + MILLI);
    assert_eq!(ask(&subject, 1).await, Ok(1));
    subject.settle().await;
    assert_eq!(content(&subject), content_before);
    let stats = subject.stats();
    assert_eq!((stats.not_modified, stats.reloads, stats.bytes_written), (1, 1, sent));
    // A new life.
    let left = subject.entry(1).ttl().await.expect("in-process").expect("an entry");
    assert!(left > 69 * SECOND, "{left:?}");
    subject.advance(TTL - SECOND);
    assert_eq!(ask(&subject, 2).await, Ok(1));
    assert_eq!(subject.stats().stale_hits, 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_is_stored() {
    let subject = subject();
    ask(&subject, 1).await.ok();
    subject.advance(TTL + MILLI);
    assert_eq!(ask(&subject, 2).await, Ok(1));
    subject.settle().await;
    assert_eq!(ask(&subject, 3).await, Ok(2));
    assert_eq!(subject.stats().not_modified, 0);
}

/// A body that says so before it knows.
#[tokio::test(start_paused = true)]
async fn what_is_kept_and_not_returned_is_replaced() {
    let subject = subject();
    ask(&subject, 1).await.ok();
    subject.advance(TTL + MILLI);
    let load = || async {
        assert_eq!(previous::<u64>().map(|known| known.keep()), Some(1));
        Ok(2)
    };
    assert_eq!(subject.call(1).run_detachable(subject.outcome(), load).await, Ok(1));
    subject.settle().await;
    assert_eq!(ask(&subject, 2).await, Ok(2));
    assert_eq!((subject.stats().not_modified, subject.stats().hits), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_meanwhile_is_not_kept() {
    for by in ["entry", "tag"] {
        let subject = subject();
        ask(&subject, 1).await.ok();
        subject.advance(TTL + MILLI);
        assert_eq!(ask(&subject, 1).await, Ok(1));
        tokio::time::sleep(LOAD / 2).await;
        match by {
            "entry" => subject.invalidate(1).await,
            _ => subject.cache.invalidate_tag("shelf:7").await,
        }
        .expect("in-process");
        subject.settle().await;
        assert_eq!(ask(&subject, 2).await, Ok(2), "by {by}");
    }
}

/// It is the same value again, but not the one that was seen.
#[tokio::test(start_paused = true)]
async fn what_went_there_and_back_is_not_kept() {
    let subject = subject();
    let elsewhere = subject.elsewhere();
    ask(&subject, 1).await.ok();
    subject.advance(TTL + MILLI);
    assert_eq!(ask(&subject, 1).await, Ok(1), "and asks the source behind it");
    tokio::time::sleep(LOAD / 2).await;
    for version in [2, 1] {
        subject.invalidate(1).await.expect("in-process");
        assert_eq!(elsewhere.after(1, Duration::ZERO, Ok(version)).await, Ok(version));
    }
    subject.advance(TTL / 2);
    let stored = subject.store().get_raw(&subject.key(1));
    subject.settle().await;
    assert_eq!(subject.store().get_raw(&subject.key(1)), stored, "nor given a new life");
    let stats = subject.stats();
    assert_eq!((stats.not_modified, stats.superseded), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_without_a_value_to_replace_sees_none() {
    let subject = subject();
    let sees = async |subject: &Subject| {
        let seen = subject.call(1).run_detachable(subject.outcome(), || async {
            Ok(previous::<u64>().map_or(404, |known| *known))
        });
        seen.await
    };
    assert_eq!(sees(&subject).await, Ok(404));
    subject.invalidate(1).await.expect("in-process");
    assert_eq!(sees(&subject).await, Ok(404));
    assert!(previous::<u64>().is_none(), "nor does anybody else");
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_it_is_kept_too() {
    let mut subject = subject();
    subject.policy.stale = None;
    subject.policy.stale_if_error = Some(60 * SECOND);
    ask(&subject, 1).await.ok();
    subject.advance(TTL + MILLI);
    assert_eq!(ask(&subject, 1).await, Ok(1));
    assert_eq!(subject.stats().not_modified, 1);
    assert_eq!(ask(&subject, 2).await, Ok(1), "fresh again");
}

/// Three operations before the load leave too little of the call's budget for one more.
#[tokio::test(start_paused = true)]
async fn it_is_kept_also_where_the_budget_of_the_call_is_used_up() {
    let mut subject = subject();
    subject.policy.stale = None;
    subject.policy.stale_if_error = Some(60 * SECOND);
    ask(&subject, 1).await.ok();
    subject.advance(TTL + MILLI);
    subject.fault(Fault::Slow(30 * MILLI));
    assert_eq!(ask(&subject, 1).await, Ok(1));
    subject.cache.shutdown().await;
    assert_eq!(subject.stats().not_modified, 1);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}
