//! Writes with a guard: while it stands, nothing can be stored.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{LOAD, MILLI, SECOND, Subject};
use crate::store::memory::Fault;
use crate::writes::Writes;

const LIFE: Duration = Duration::from_secs(10);

fn subject() -> Subject {
    Subject { tags: vec!["shelf:7".to_owned()], ..Subject::new() }
}

/// A guard over the entry, its tag, or its function.
async fn hold(subject: &Subject, over: &str) -> Writes {
    let mut writes = Writes::new();
    match over {
        "entry" => writes.entry(subject.invalidate(1)),
        "tag" => writes.tag(subject.handle(), &"shelf:7".to_owned().into()),
        _ => writes.all(subject.invalidate_all()),
    }
    writes.hold(LIFE).await.expect("in-process");
    writes
}

const ALL: [&str; 3] = ["entry", "tag", "function"];

#[tokio::test(start_paused = true)]
async fn while_it_stands_calls_load_and_store_nothing() {
    for over in ALL {
        let subject = subject();
        let other = subject.elsewhere();
        subject.with(1, async { Ok(1) }).await.ok();
        let writes = hold(&subject, over).await;
        for answer in 2..5 {
            assert_eq!(subject.with(1, async { Ok(answer) }).await, Ok(answer), "{over}");
            assert_eq!(other.with(1, async { Ok(answer) }).await, Ok(answer), "{over}");
        }
        writes.send().await.expect("in-process");
        assert_eq!(other.with(1, async { Ok(6) }).await, Ok(6), "{over}");
        assert_eq!(subject.with(1, async { Ok(7) }).await, Ok(6), "{over}");
        assert_eq!(subject.cache.loads_in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_it_is_not_stored() {
    for over in ALL {
        let subject = subject();
        let old = subject.begin(1, LOAD, Ok(1)).await;
        let writes = hold(&subject, over).await;
        old.await.expect("no panic").ok();
        writes.send().await.expect("in-process");
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "{over}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_under_it_is_not_stored_after_it() {
    for over in ALL {
        let subject = subject();
        let writes = hold(&subject, over).await;
        let old = subject.begin(1, LOAD, Ok(1)).await;
        writes.send().await.expect("in-process");
        old.await.expect("no panic").ok();
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "{over}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_lifts_it() {
    for over in ALL {
        let subject = subject();
        hold(&subject, over).await.forget().await;
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "{over}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_it_ends_by_itself() {
    for over in ALL {
        let subject = subject();
        subject.with(1, async { Ok(1) }).await.ok();
        // The process dies: nothing is sent.
        std::mem::forget(hold(&subject, over).await);
        let other = subject.elsewhere();
        subject.advance(LIFE - MILLI);
        assert_eq!(other.with(1, async { Ok(2) }).await, Ok(2));
        assert_eq!(other.with(1, async { Ok(3) }).await, Ok(3), "{over}: it stands");
        subject.advance(MILLI);
        assert_eq!(other.with(1, async { Ok(4) }).await, Ok(4), "{over}: nothing from before");
        assert_eq!(other.with(1, async { Ok(5) }).await, Ok(4), "{over}: it is over");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_write_leaves_it_to_end_by_itself() {
    for over in ALL {
        let subject = subject();
        subject.with(1, async { Ok(1) }).await.ok();
        drop(hold(&subject, over).await);
        subject.settle().await;
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
        assert_eq!(
            subject.with(1, async { Ok(3) }).await,
            Ok(3),
            "{over}: it may yet be committed"
        );
        sleep(LIFE).await;
        assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(4));
        assert_eq!(subject.with(1, async { Ok(5) }).await, Ok(4), "{over}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_write_without_one_invalidates() {
    let subject = subject();
    subject.with(1, async { Ok(1) }).await.ok();
    let mut writes = Writes::new();
    writes.entry(subject.invalidate(1));
    drop(writes);
    subject.settle().await;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_while_the_write_runs() {
    let subject = subject();
    let writes = hold(&subject, "entry").await;
    let body = async {
        sleep(5 * LIFE).await;
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "it stands");
        "written"
    };
    assert_eq!(writes.holding(body).await, "written");
    writes.send().await.expect("in-process");
    subject.with(1, async { Ok(3) }).await.ok();
    assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn of_two_the_last_to_be_lifted_counts() {
    for over in ALL {
        let subject = subject();
        let other = subject.elsewhere();
        let (one, two) = (hold(&subject, over).await, hold(&other, over).await);
        one.send().await.expect("in-process");
        subject.with(1, async { Ok(1) }).await.ok();
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "{over}: one still stands");
        two.forget().await;
        subject.with(1, async { Ok(3) }).await.ok();
        assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(3), "{over}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_by_somebody_else_does_not_lift_it() {
    for over in ALL {
        let subject = subject();
        let writes = hold(&subject, over).await;
        subject.invalidate(1).await.expect("in-process");
        subject.cache.invalidate_tag("shelf:7").await.expect("in-process");
        subject.invalidate_all().await.expect("in-process");
        subject.with(1, async { Ok(1) }).await.ok();
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "{over}");
        writes.send().await.expect("in-process");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_planted_is_an_error_and_is_counted() {
    let subject = subject();
    subject.fault(Fault::RefuseWrites);
    let mut writes = Writes::new();
    writes.entry(subject.invalidate(1));
    assert!(writes.hold(LIFE).await.is_err());
    assert_eq!(subject.cache.stats().failed_fences, 1);
    subject.fault(None);
    writes.send().await.expect("the write went on, and invalidates");
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_lifted_ends_by_itself_and_the_invalidation_is_retried() {
    let subject = subject();
    let writes = hold(&subject, "entry").await;
    subject.fault(Fault::RefuseWrites);
    assert!(writes.send().await.is_err());
    assert_eq!(subject.cache.stats().pending_invalidations, 1);
    subject.fault(None);
    subject.settle().await;
    subject.with(1, async { Ok(1) }).await.ok();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "it stands");
    sleep(LIFE + SECOND).await;
    subject.with(1, async { Ok(3) }).await.ok();
    assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(3));
}

/// As many as a job writes that is about everything are not one command, which no budget would do for.
#[tokio::test(start_paused = true)]
async fn one_over_many_entries_goes_in_batches() {
    const MANY: u64 = 2_000;
    let subject = Subject::new();
    let mut writes = Writes::new();
    for id in (0..MANY).chain(0..MANY) {
        writes.entry(subject.invalidate(id));
    }
    subject.fault(Fault::Slow(MILLI));
    let began = Instant::now();
    writes.hold(LIFE).await.expect("in-process");
    assert_eq!(began.elapsed(), 4 * MILLI);
    for answer in [1, 2] {
        assert_eq!(subject.with(MANY - 1, async { Ok(answer) }).await, Ok(answer), "it stands");
    }
    let began = Instant::now();
    writes.send().await.expect("in-process");
    assert_eq!(began.elapsed(), 4 * MILLI);
    subject.with(MANY - 1, async { Ok(3) }).await.ok();
    assert_eq!(subject.with(MANY - 1, async { Ok(4) }).await, Ok(3));
}
