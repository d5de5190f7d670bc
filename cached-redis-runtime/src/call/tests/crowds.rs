//! What many callers of one key ask of the store: about as much as one.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{FUNCTION, LOAD, MILLI, SECOND, Subject};
use crate::flight::Place;
use crate::group::Groups;
use crate::judgement::Seen;
use crate::lease::Intent;
use crate::policy::Policy;
use crate::record::Record;
use crate::sharing::{Answer, Question};
use crate::store::memory::Fault;

/// Callers who miss at the same time, with the load of another; how many operations they took beyond
/// one look-up each.
async fn crowd(subject: &Subject, callers: u64, of: &Subject) -> u64 {
    let before = of.operations();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let subject = subject.clone();
        tasks.spawn(async move { subject.after(1, LOAD, Ok(2)).await });
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(1));
    }
    of.operations() - before - callers
}

#[tokio::test(start_paused = true)]
async fn callers_in_the_process_of_the_leader_share_one_question() {
    let subject = Subject::new();
    let leader = subject.begin(1, 15 * LOAD, Ok(1)).await;
    assert!(crowd(&subject, 5_000, &subject).await < 20);
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    assert_eq!((subject.loads(), subject.stats().coalesced), (1, 5_000));
    assert_eq!(subject.cache.core().lines.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn callers_elsewhere_have_one_that_watches_for_all() {
    let subject = Subject::new();
    let leader = subject.begin(1, 15 * LOAD, Ok(1)).await;
    let elsewhere = subject.elsewhere();
    let took = crowd(&elsewhere, 5_000, &subject).await;
    assert!(took < 120, "{took} operations while they wait for 1.5 s");
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    assert_eq!((subject.loads(), elsewhere.stats().waits), (1, 5_000));
    assert_eq!(elsewhere.cache.core().lines.len(), 0);
}

/// As after an invalidation of the whole function: all see a value that counts no more.
#[tokio::test(start_paused = true)]
async fn callers_who_replace_the_same_value_share_one_question() {
    let subject = Subject::new();
    subject.with(1, async { Ok(0) }).await.expect("a value");
    subject.invalidate_all().await.expect("in-process");
    let before = subject.operations();
    let answers = subject.crowd(1_000, LOAD, Ok(1)).await;
    assert!(answers.iter().all(|answer| *answer == Ok(1)));
    assert_eq!(subject.loads(), 2);
    assert!(subject.operations() - before < 1_020);
}

#[tokio::test(start_paused = true)]
async fn one_that_watches_and_is_cancelled_is_replaced() {
    let subject = Subject::new();
    let leader = subject.begin(1, 15 * LOAD, Ok(1)).await;
    let elsewhere = subject.elsewhere();
    let mut watching = Vec::new();
    for _ in 0..10 {
        let caller = elsewhere.clone();
        watching.push(tokio::spawn(async move { caller.after(1, LOAD, Ok(2)).await }));
        sleep(MILLI).await;
    }
    let last = watching.pop().expect("ten");
    for one in watching {
        sleep(LOAD).await;
        one.abort();
    }
    assert_eq!(last.await.expect("no panic"), Ok(1));
    assert_eq!((leader.await.expect("no panic"), subject.loads()), (Ok(1), 1));
    assert_eq!(elsewhere.cache.core().lines.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_watches_and_is_not_polled_is_replaced() {
    let subject = Subject::new();
    let leader = subject.begin(1, 15 * LOAD, Ok(1)).await;
    let elsewhere = subject.elsewhere();
    let mut kept = Box::pin(elsewhere.after(1, LOAD, Ok(2)));
    assert!(timeout(LOAD, &mut kept).await.is_err(), "watching");
    assert_eq!(elsewhere.after(1, LOAD, Ok(2)).await, Ok(1));
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    assert_eq!((kept.await, subject.loads()), (Ok(1), 1));
}

/// What was read before a call began is no answer for it: the test is the one who asks.
#[tokio::test(start_paused = true)]
async fn an_answer_on_its_way_is_not_for_those_who_come_after_an_invalidation() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.expect("a value");
    let core = subject.cache.core();
    let question = Question {
        key: subject.key(1).into(),
        schema: crate::key::schema(0, "u64", &[]),
        intent: Intent::Read,
        groups: vec![FUNCTION.group()],
    };
    let Place::Ask(mut asker) = core.lines.join(question) else { panic!("somebody asks") };
    asker.sends();
    let before = core.invalidator.before_reading();
    let found = core.sessions.begin().read(&subject.key(1), &Groups::default()).await;
    let found = found.expect("in-process").expect("a value");
    let record = Record::read(found.record).expect("one of ours");
    let seen = Seen { record, is_current: found.is_current };
    subject.invalidate(1).await.expect("in-process");
    let caller = subject.clone();
    let late = tokio::spawn(async move { caller.with(1, async { Ok(2) }).await });
    sleep(MILLI).await;
    assert_eq!(subject.loads(), 1, "it waits in line");
    asker.tells(|| Answer::Read(seen.clone(), before));
    drop(asker);
    assert_eq!(late.await.expect("no panic"), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_away_delays_those_who_wait_by_little() {
    for fault in [Fault::Down, Fault::Hang] {
        let subject = Subject::with_policy(Policy::new(600 * SECOND));
        let leader = subject.begin(1, 15 * LOAD, Ok(1)).await;
        let elsewhere = subject.elsewhere();
        let mut tasks = JoinSet::new();
        for _ in 0..60 {
            let caller = elsewhere.clone();
            tasks.spawn(async move { caller.after(1, LOAD, Ok(2)).await });
        }
        sleep(LOAD).await;
        let began = Instant::now();
        subject.fault(fault);
        while let Some(answer) = tasks.join_next().await {
            assert_eq!(answer.expect("no panic"), Ok(2));
        }
        let budget = subject.cache.core().settings.budget;
        // The caller that waits looks again after half a second, plus or minus a quarter of that.
        let most = 625 * MILLI + 2 * budget + 2 * LOAD;
        assert!(began.elapsed() <= most, "{fault:?}: {:?}", began.elapsed());
        subject.fault(None);
        assert_eq!(leader.await.expect("no panic"), Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_of_thousands_load_once() {
    let subject = Subject::new();
    let nodes = [subject.elsewhere(), subject.clone()];
    let mut tasks = JoinSet::new();
    for caller in 0..10_000 {
        let node = nodes[caller % 2].clone();
        tasks.spawn(async move { node.after(1, 15 * LOAD, Ok(1)).await });
    }
    let answers = timeout(Duration::from_millis(1_600), tasks.join_all()).await.expect("in time");
    assert!(answers.iter().all(|answer| *answer == Ok(1)));
    assert_eq!(subject.loads(), 1);
}
