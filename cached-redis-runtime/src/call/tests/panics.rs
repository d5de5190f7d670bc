//! Code of the user's that panics, where without a cache it would not have run.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Answer, SECOND, Subject};
use crate::cache::Cache;
use crate::group::Tag;
use crate::outcome::{
    ReturnType, ReturnTypeOneLayer as _, ReturnTypePlain as _, absent_as, cache_if, tags, ttl_with,
};
use crate::policy::Policy;
use crate::writes::Writes;

/// Some of them cannot be written, others not read.
#[derive(Clone, Debug, PartialEq)]
struct Moody(u64);

const UNWRITABLE: u64 = 1;
const UNREADABLE: u64 = 2;

impl Serialize for Moody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, UNWRITABLE);
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Moody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert_ne!(number, UNREADABLE);
        Ok(Self(number))
    }
}

async fn call(subject: &Subject, answer: u64) -> u64 {
    let outcome = ReturnType::<Moody>::new().outcome();
    subject.call(1).run_detachable(outcome, move || async move { Moody(answer) }).await.0
}

#[tokio::test(start_paused = true)]
async fn an_entry_whose_reading_panics_is_a_miss_and_is_replaced() {
    let subject = Subject::new();
    for answer in [UNREADABLE, UNREADABLE, 3] {
        assert_eq!(call(&subject, answer).await, answer);
    }
    assert_eq!(call(&subject, 4).await, 3);
    assert_eq!(subject.stats().errors.get("decode"), Some(&2));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_whose_writing_panics_is_the_answer() {
    let subject = Subject::new();
    assert_eq!(call(&subject, UNWRITABLE).await, UNWRITABLE);
    assert_eq!(call(&subject, 3).await, 3);
    assert_eq!(subject.stats().errors.get("encode"), Some(&1));
    let entry = subject.call(1).entry(ReturnType::<Moody>::new().outcome());
    let put = entry.put(Moody(UNWRITABLE)).await.expect_err("not to be written");
    assert_eq!(put.kind(), crate::ErrorKind::Encode);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_argument_whose_writing_panics_is_no_key() {
    let subject = Subject::new();
    let mut key = super::FUNCTION.key("here", &[]);
    key.part(&Moody(UNWRITABLE));
    let call = crate::call::Call { key: key.finish(), ..subject.call(1) };
    assert_eq!(call.run(subject.outcome(), || async { Ok(1) }).await, Ok(1));
    assert_eq!(subject.stats().errors.get("key"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn an_option_that_panics_keeps_the_value_from_being_stored() {
    let plain = || ReturnType::<Moody>::new().outcome();
    let body = || async { Moody(3) };
    let subject = Subject::new();
    let wanted = cache_if(plain(), |_| panic!("of the user's"));
    assert_eq!(subject.call(1).run(wanted, body).await, Moody(3));
    let life = ttl_with(plain(), |_| -> Duration { panic!("of the user's") });
    assert_eq!(subject.call(1).run(life, body).await, Moody(3));
    let tagged = tags(plain(), &["of:"], |_| panic!("of the user's"));
    assert_eq!(subject.call(1).run(tagged, body).await, Moody(3));
    subject.settle().await;
    assert_eq!((subject.store().len(), subject.cache.loads_in_flight()), (0, 0));
    assert_eq!(subject.stats().errors.get("encode"), Some(&3));
}

/// Whether it means an absence, nobody says.
#[tokio::test(start_paused = true)]
async fn an_error_over_which_an_option_panics_is_one() {
    let policy = Policy { stale_if_error: Some(60 * SECOND), ..Policy::new(10 * SECOND) };
    let subject = Subject::with_policy(policy);
    let is_absent = |_: &&'static str| -> bool { panic!("of the user's") };
    let outcome = || absent_as((&&ReturnType::<Answer>::new()).outcome(), is_absent, || "none");
    assert_eq!(subject.call(1).run(outcome(), || async { Ok(1) }).await, Ok(1));
    subject.advance(11 * SECOND);
    for _ in 0..2 {
        assert_eq!(subject.call(1).run(outcome(), || async { Err("down") }).await, Ok(1));
    }
    assert_eq!(subject.call(2).run(outcome(), || async { Err("down") }).await, Err("down"));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_cannot_be_stored_removes_what_was_there() {
    let policy = Policy { stale: Some(60 * SECOND), ..Policy::new(10 * SECOND) };
    let cache = Cache::builder().memory().max_value_bytes(3).build().expect("valid");
    let subject = Subject { cache, ..Subject::with_policy(policy) };
    for unfit in [UNWRITABLE, 99_999] {
        call(&subject, 3).await;
        subject.advance(11 * SECOND);
        assert_eq!(call(&subject, unfit).await, 3);
        subject.settle().await;
        // It was newer, so what was there is none any more.
        assert_eq!(call(&subject, 4).await, 4);
        assert_eq!(call(&subject, 5).await, 4);
        subject.invalidate(1).await.expect("in-process");
    }
    assert_eq!(subject.stats().reloads, 2);
}

/// One of a value cannot be written as text.
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("half")?;
        panic!("of the user's")
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_tag_panics_loads_and_stores_nothing() {
    let subject = Subject::new();
    let tag = || Tag::new().text("of:").value(Some(&Unspeakable)).text(":end").finish();
    let of_arguments = subject.call(1).tagged([tag()]);
    assert_eq!(of_arguments.run(subject.outcome(), || async { Ok(1) }).await, Ok(1));
    assert_eq!(subject.stats().errors.get("key"), Some(&1));
    let of_value = tags(ReturnType::<Moody>::new().outcome(), &["of:"], move |_| vec![tag()]);
    assert_eq!(subject.call(1).run(of_value, || async { Moody(3) }).await, Moody(3));
    assert_eq!(subject.stats().errors.get("encode"), Some(&1));
    assert_eq!((subject.store().len(), subject.cache.loads_in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_tag_panics_is_done_and_counts_a_failed_invalidation() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.expect("a value");
    let mut writes = Writes::new();
    writes.tag(subject.handle(), &Tag::new().text("of:").value(Some(&Unspeakable)).finish());
    writes.entry(subject.invalidate(1));
    let sent = writes.send().await.map_err(|error| error.kind());
    assert_eq!(sent, Err(crate::ErrorKind::Key));
    assert_eq!(subject.cache.stats().failed_invalidations, 1);
    // The others are removed all the same.
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn looking_at_an_entry_with_options_that_are_none_is_an_error() {
    let policy = Policy { early: Some(f64::INFINITY), ..Policy::new(10 * SECOND) };
    let subject = Subject::with_policy(Policy { early: Some(1.0), ..policy });
    subject.with(1, async { Ok(1) }).await.expect("a value");
    let subject = Subject { policy: Policy { jitter: 0.0, ..policy }, ..subject };
    let got = subject.entry(1).get().await.map_err(|error| error.kind());
    assert_eq!(got, Err(crate::ErrorKind::Policy));
}
