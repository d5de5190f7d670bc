//! Tags, and all entries of a function at once.

use std::time::Duration;

use tokio::time::sleep;

use super::{Answer, FUNCTION, LOAD, Subject};
use crate::call::Call;
use crate::function::Function;
use crate::outcome::{ReturnType, ReturnTypeOneLayer as _, tags};

/// With a tag from the arguments.
fn on_shelf() -> Subject {
    Subject { tags: vec!["shelf:7".to_owned()], ..Subject::new() }
}

/// With a tag from the value: its hundreds.
fn with_brands() -> Subject {
    Subject { brands: true, ..Subject::new() }
}

async fn invalidate_tag(subject: &Subject, tag: &str) {
    subject.cache.invalidate_tag(tag).await.expect("in-process");
}

#[tokio::test(start_paused = true)]
async fn a_tag_removes_all_entries_that_carry_it_and_no_others() {
    let (shelf, plain) = (on_shelf(), Subject::new());
    let other = Subject { tags: vec!["shelf:8".to_owned()], ..shelf.clone() };
    let plain = Subject { cache: shelf.cache.clone(), ..plain };
    for id in 0..5 {
        shelf.with(id, async { Ok(1) }).await.ok();
        other.with(id + 10, async { Ok(1) }).await.ok();
        plain.with(id + 20, async { Ok(1) }).await.ok();
    }
    invalidate_tag(&shelf, "shelf:7").await;
    for id in 0..5 {
        assert_eq!(shelf.with(id, async { Ok(2) }).await, Ok(2));
        assert_eq!(other.with(id + 10, async { Ok(2) }).await, Ok(1));
        assert_eq!(plain.with(id + 20, async { Ok(2) }).await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_reaches_every_process() {
    let here = on_shelf();
    let there = here.elsewhere();
    here.with(1, async { Ok(1) }).await.ok();
    assert_eq!(there.with(1, async { Ok(2) }).await, Ok(1));
    invalidate_tag(&there, "shelf:7").await;
    assert_eq!(here.with(1, async { Ok(3) }).await, Ok(3));
    assert_eq!(there.with(1, async { Ok(4) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_its_group_was_invalidated_leaves_nothing() {
    for by in ["tag", "function"] {
        let subject = on_shelf();
        let other = subject.elsewhere();
        let old = subject.begin(1, LOAD, Ok(1)).await;
        match by {
            "tag" => other.cache.invalidate_tag("shelf:7").await,
            _ => other.invalidate_all().await,
        }
        .expect("in-process");
        // Must not join, nor wait for, the old load: here and elsewhere.
        assert_eq!(other.after(1, LOAD / 4, Ok(2)).await, Ok(2), "by {by}");
        assert_eq!(subject.after(1, LOAD / 4, Ok(3)).await, Ok(2), "by {by}");
        assert_eq!(old.await.expect("no panic"), Ok(1), "its own caller began before");
        assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(2), "by {by}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_without_entries_can_be_invalidated() {
    let subject = on_shelf();
    invalidate_tag(&subject, "never seen").await;
    subject.invalidate_all().await.expect("in-process");
    subject.with(1, async { Ok(1) }).await.ok();
    invalidate_tag(&subject, "never seen").await;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_is_evicted_costs_misses_only() {
    let subject = on_shelf();
    subject.with(1, async { Ok(1) }).await.ok();
    let generation = subject.cache.core().tag("shelf:7").key;
    assert!(subject.store().evict(&generation));
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn all_entries_of_one_function_and_of_no_other() {
    static OTHER: Function = Function::new("test", "other", "other", "id");
    let subject = Subject::new();
    let other = async |answer: u64| {
        let mut key = OTHER.key("here", &[]);
        key.part(&1);
        let call = Call::new(&OTHER, key.finish(), subject.policy, subject.handle());
        call.run(subject.outcome(), || async { Ok(answer) }).await
    };
    subject.with(1, async { Ok(1) }).await.ok();
    other(1).await.ok();
    subject.invalidate_all().await.expect("in-process");
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(other(2).await, Ok(1));
    assert_ne!(FUNCTION.group(), OTHER.group());
}

#[tokio::test(start_paused = true)]
async fn a_tag_from_the_value_is_that_of_the_value_that_is_stored() {
    let subject = with_brands();
    subject.with(1, async { Ok(700) }).await.ok();
    invalidate_tag(&subject, "brand:8").await;
    assert_eq!(subject.with(1, async { Ok(800) }).await, Ok(700));
    invalidate_tag(&subject, "brand:7").await;
    assert_eq!(subject.with(1, async { Ok(801) }).await, Ok(801));
    // It has changed its brand: the old one is nothing to it.
    invalidate_tag(&subject, "brand:7").await;
    assert_eq!(subject.with(1, async { Ok(802) }).await, Ok(801));
    invalidate_tag(&subject, "brand:8").await;
    assert_eq!(subject.with(1, async { Ok(802) }).await, Ok(802));
}

#[tokio::test(start_paused = true)]
async fn a_brand_that_was_invalidated_during_a_load_keeps_its_value_from_being_stored() {
    let subject = with_brands();
    // Which brand it will be nobody knows yet, so any of the class may be it.
    for tag in ["brand:7", "brand:8"] {
        let old = subject.begin(1, LOAD, Ok(700)).await;
        sleep(LOAD / 2).await;
        invalidate_tag(&subject, tag).await;
        assert_eq!(old.await.expect("no panic"), Ok(700));
        subject.settle().await;
        assert!(subject.store().is_empty(), "nor is its lease left");
    }
    let old = subject.begin(1, LOAD, Ok(700)).await;
    invalidate_tag(&subject, "shelf:7").await;
    assert_eq!(old.await.expect("no panic"), Ok(700));
    assert_eq!(subject.with(1, async { Ok(701) }).await, Ok(700), "another class");
    assert_eq!(subject.stats().superseded, 2);
}

#[tokio::test(start_paused = true)]
async fn those_who_begin_after_a_brand_was_invalidated_do_not_share_an_older_load() {
    let subject = with_brands();
    let other = subject.elsewhere();
    let old = subject.begin(1, LOAD, Ok(700)).await;
    invalidate_tag(&subject, "brand:7").await;
    assert_eq!(subject.after(1, LOAD / 4, Ok(701)).await, Ok(701));
    assert_eq!(other.after(1, LOAD / 4, Ok(702)).await, Ok(701));
    old.await.expect("no panic").ok();
    assert_eq!(other.with(1, async { Ok(703) }).await, Ok(701));
}

#[tokio::test(start_paused = true)]
async fn a_value_in_too_many_groups_is_returned_and_not_stored() {
    let subject = Subject::new();
    let call = async |groups: usize| {
        let outcome = tags((&&ReturnType::<Answer>::new()).outcome(), &["n:"], move |_| {
            (0..groups).map(|group| format!("n:{group}").into()).collect()
        });
        subject.call(1).run(outcome, || async { Ok(1) }).await
    };
    assert_eq!(call(33).await, Ok(1));
    assert_eq!((subject.stats().too_large, subject.store().len()), (1, 0));
    assert_eq!(call(32).await, Ok(1));
    assert_eq!((subject.stats().stored, subject.store().len()), (1, 1));
    invalidate_tag(&subject, "n:31").await;
    call(32).await.ok();
    assert_eq!(subject.stats().stored, 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_invalidation_has_failed_is_not_read_here() {
    let subject = on_shelf();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.fault(crate::Fault::RefuseWrites);
    assert!(subject.cache.invalidate_tag("shelf:7").await.is_err());
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(subject.entry(1).get().await.expect("in-process"), None);
    subject.fault(None);
    subject.settle().await;
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3), "it has been retried");
    assert_eq!(subject.after(1, Duration::ZERO, Ok(4)).await, Ok(3));
}

/// As after a deploy.
#[tokio::test(start_paused = true)]
async fn what_was_stored_before_its_function_had_tags_from_the_value_does_not_count() {
    let before = Subject::new();
    let after = Subject { brands: true, ..before.clone() };
    before.with(1, async { Ok(700) }).await.ok();
    invalidate_tag(&after, "brand:7").await;
    assert_eq!(after.with(1, async { Ok(701) }).await, Ok(701));
    assert_eq!(after.entry(1).get().await.expect("in-process"), Some(Ok(701)));
}
