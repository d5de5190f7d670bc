//! Write-through: stored only if nothing came between.

use std::time::Duration;

use tokio::time::sleep;

use super::{LOAD, Subject};
use crate::policy::Policy;
use crate::scope::refresh;
use crate::store::memory::Fault;
use crate::writes::{Update, Updates, Writes};

type Begun = (Updates, Update<super::Answer>);

async fn begin(subject: &Subject) -> Begun {
    let mut updates = Updates::new();
    let update = updates.begin(subject.entry(1)).await;
    (updates, update)
}

#[tokio::test(start_paused = true)]
async fn what_a_write_makes_of_an_entry_is_there_after_it() {
    for before in [None, Some(1)] {
        let subject = Subject::new();
        if let Some(before) = before {
            subject.with(1, async { Ok(before) }).await.ok();
        }
        let (updates, update) = begin(&subject).await;
        updates.during(sleep(LOAD)).await;
        write(update, 2).await;
        assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
        assert_eq!(subject.cache.loads_in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn until_then_the_value_from_before_is_the_answer() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let (_updates, update) = begin(&subject).await;
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(1));
    write(update, 2).await;
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_write() {
    let subject = Subject::new();
    let other = subject.elsewhere();
    let (updates, update) = begin(&subject).await;
    // Not even the write itself, which may read what it is about to change.
    let began = tokio::time::Instant::now();
    assert_eq!(updates.during(subject.with(1, async { Ok(1) })).await, Ok(1));
    assert_eq!(other.with(1, async { Ok(1) }).await, Ok(1));
    assert_eq!(began.elapsed(), Duration::ZERO);
    write(update, 2).await;
    assert_eq!(other.with(1, async { Ok(9) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_long_write_keeps_its_lease() {
    // Over a value the lease stays anyway; where there is none, it ends unless it is renewed.
    for before in [None, Some(1)] {
        let subject = Subject::new();
        if let Some(before) = before {
            subject.with(1, async { Ok(before) }).await.ok();
        }
        let (updates, update) = begin(&subject).await;
        updates.during(sleep(Duration::from_secs(60))).await;
        write(update, 2).await;
        assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2), "{before:?}");
        assert_eq!(subject.stats().superseded, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_overlap_the_older_value_never_stays() {
    // Who begins first, and who stores first: the version is the order of their commits.
    for (first_has, second_has) in [(1, 2), (2, 1)] {
        for first_stores_first in [true, false] {
            for over_value in [true, false] {
                let subject = Subject::new();
                let other = subject.elsewhere();
                if over_value {
                    subject.with(1, async { Ok(0) }).await.ok();
                }
                let (_first_updates, first) = begin(&subject).await;
                let (_second_updates, second) = begin(&other).await;
                if first_stores_first {
                    write(first, first_has).await;
                    write(second, second_has).await;
                } else {
                    write(second, second_has).await;
                    write(first, first_has).await;
                }
                let read = subject.with(1, async { Ok(3) }).await.expect("a value");
                assert!(read >= 2, "{first_has} {first_stores_first} {over_value}: {read}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_came_between_wins() {
    for by in ["entry", "tag", "function", "guard"] {
        let subject = Subject { tags: vec!["shelf:7".to_owned()], ..Subject::new() };
        subject.with(1, async { Ok(1) }).await.ok();
        let (_updates, update) = begin(&subject).await;
        match by {
            "entry" => subject.invalidate(1).await,
            "tag" => subject.cache.invalidate_tag("shelf:7").await,
            "function" => subject.invalidate_all().await,
            _ => {
                let mut writes = Writes::new();
                writes.entry(subject.invalidate(1));
                writes.hold(Duration::from_secs(10)).await.expect("in-process");
                writes.send().await
            }
        }
        .expect("in-process");
        write(update, 2).await;
        assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3), "by {by}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_came_between_is_not_overwritten() {
    let subject = Subject::new();
    let (_updates, update) = begin(&subject).await;
    assert_eq!(refresh(subject.with(1, async { Ok(5) })).await, Ok(5));
    write(update, 2).await;
    assert_eq!(subject.with(1, async { Ok(6) }).await, Ok(6), "which is the newer nobody knows");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_a_write_does_not_replace_what_it_stored() {
    let subject = Subject::new();
    let old = subject.begin(1, LOAD, Ok(1)).await;
    let (_updates, update) = begin(&subject).await;
    write(update, 2).await;
    assert_eq!(old.await.expect("no panic"), Ok(1), "its own caller began before");
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_has_failed_leaves_what_is_there() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let (_updates, update) = begin(&subject).await;
    update.abandon().await;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1));
    subject.invalidate(1).await.expect("in-process");
    let (_updates, update) = begin(&subject).await;
    update.abandon().await;
    assert!(subject.store().is_empty(), "nor is its lease left");
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_cancelled_invalidates() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let write = async {
        let (updates, update) = begin(&subject).await;
        updates.during(sleep(LOAD)).await;
        write(update, 2).await;
    };
    assert!(tokio::time::timeout(LOAD / 2, write).await.is_err());
    subject.settle().await;
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn under_a_guard_nothing_is_stored() {
    let subject = Subject::new();
    let mut writes = Writes::new();
    writes.entry(subject.invalidate(1));
    writes.hold(Duration::from_secs(10)).await.expect("in-process");
    let (_updates, update) = begin(&subject).await;
    write(update, 2).await;
    writes.send().await.expect("in-process");
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_invalidated_until_it_succeeds() {
    // Whether it fails before the write, or after.
    for fails_before in [true, false] {
        let subject = Subject::new();
        subject.with(1, async { Ok(1) }).await.ok();
        let fault = Fault::RefuseWrites;
        if fails_before {
            subject.fault(fault);
        }
        let (_updates, update) = begin(&subject).await;
        subject.fault(fault);
        write(update, 2).await;
        assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3), "not read here");
        subject.fault(None);
        subject.settle().await;
        assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(4), "removed");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_stores_is_in_its_groups() {
    let mut subject = Subject { tags: vec!["shelf:7".to_owned()], ..Subject::new() };
    subject.brands = true;
    for tag in ["shelf:7", "brand:7"] {
        let (_updates, update) = begin(&subject).await;
        write(update, 700).await;
        assert_eq!(subject.with(1, async { Ok(701) }).await, Ok(700));
        subject.cache.invalidate_tag(tag).await.expect("in-process");
        assert_eq!(subject.with(1, async { Ok(702) }).await, Ok(702), "{tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_contradicts_itself_still_invalidates() {
    let mut subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let good = subject.policy;
    subject.policy = Policy { stale: Some(Duration::ZERO), ..good };
    let (_updates, update) = begin(&subject).await;
    write(update, 2).await;
    subject.policy = good;
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
    assert_eq!(subject.stats().errors.get("policy"), Some(&1));
}

async fn write(update: Update<super::Answer>, answer: u64) {
    let value = update.value(answer);
    update.store(value).await;
}
