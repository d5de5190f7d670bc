//! A store that fails costs hits, not answers.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{LOAD, MILLI, SECOND, Subject};
use crate::cache::Cache;
use crate::policy::Policy;
use crate::store::memory::Fault;
use crate::writes::Writes;

#[tokio::test(start_paused = true)]
async fn whatever_the_fault_the_body_answers_within_the_budget() {
    for fault in [
        Fault::Down,
        Fault::Hang,
        Fault::Slow(Duration::from_secs(5)),
        Fault::Refuse,
        Fault::RefuseWrites,
        Fault::LoseReplies,
    ] {
        let subject = Subject::new();
        subject.fault(fault);
        for attempt in 0..3 {
            let started = Instant::now();
            assert_eq!(subject.after(1, LOAD, Ok(attempt)).await, Ok(attempt), "{fault:?}");
            let bound = subject.cache.core().settings.budget + LOAD;
            assert!(started.elapsed() <= bound, "{fault:?}: {:?}", started.elapsed());
        }
        subject.fault(None);
        sleep(Duration::from_secs(10)).await; // a lease whose reply was lost must end
        subject.with(1, async { Ok(7) }).await.ok();
        assert_eq!(subject.with(1, async { Ok(8) }).await, Ok(7), "hits are back after {fault:?}");
        assert_eq!(subject.cache.loads_in_flight(), 0, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn loads_while_the_store_is_away_are_bounded_by_the_user() {
    let cache = Cache::builder().memory().max_loads_while_down(2).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    subject.fault(Fault::Down);
    let running = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for id in 0..10 {
        let (subject, running, most) = (subject.clone(), Arc::clone(&running), Arc::clone(&most));
        callers.spawn(async move {
            let body = async {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(LOAD).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(id)
            };
            assert_eq!(subject.with(id, body).await, Ok(id));
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("no panic");
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

/// A load that awaits another one has its place already.
#[tokio::test(start_paused = true)]
async fn loads_inside_loads_do_not_wait_for_each_other_while_the_store_is_away() {
    let cache = Cache::builder().memory().max_loads_while_down(2).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    subject.fault(Fault::Down);
    let mut callers = JoinSet::new();
    for id in 0..4 {
        let subject = subject.clone();
        callers.spawn(async move {
            let outer = async {
                sleep(LOAD).await;
                subject.after(100 + id, LOAD, Ok(id)).await
            };
            subject.with(id, outer).await
        });
    }
    let answers = timeout(5 * LOAD, callers.join_all()).await.expect("two at a time");
    assert!(answers.iter().all(Result::is_ok));
}

/// A task of its own does not know that its caller has a place, and waits as long as for any load.
#[tokio::test(start_paused = true)]
async fn a_place_is_not_waited_for_longer_than_a_load() {
    let cache = Cache::builder().memory().max_loads_while_down(1).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    subject.fault(Fault::Down);
    let began = Instant::now();
    let outer = async {
        let inner = subject.clone();
        tokio::spawn(async move { inner.after(2, LOAD, Ok(2)).await }).await.expect("no panic")
    };
    assert_eq!(subject.with(1, outer).await, Ok(2));
    assert_eq!(began.elapsed(), subject.policy.load_timeout + LOAD);
}

#[tokio::test(start_paused = true)]
async fn one_budget_is_for_all_that_a_call_asks() {
    // A tag from the value: only the store knows whether it counts.
    let subject = Subject { brands: true, ..Subject::new() };
    let leader = subject.begin(1, LOAD, Ok(1)).await;
    let follower = tokio::spawn({
        let subject = subject.clone();
        async move {
            let began = Instant::now();
            let answer = subject.after(1, LOAD, Ok(2)).await;
            (answer, began.elapsed())
        }
    });
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    subject.fault(Fault::Hang);
    let (answer, took) = follower.await.expect("no panic");
    assert_eq!(answer, Ok(2), "what it followed cannot be made sure of any more");
    let budget = subject.cache.core().settings.budget;
    assert!(took <= LOAD + budget + LOAD + MILLI, "{took:?}");
}

/// There are no timers, and so no budget.
#[test]
fn outside_of_tokio_the_body_answers() {
    let cache = Cache::builder().memory().max_loads_while_down(1).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    let mut context = Context::from_waker(Waker::noop());
    let answer = pin!(subject.with(1, async { Ok(1) })).poll(&mut context);
    assert_eq!(answer, Poll::Ready(Ok(1)));
}

/// As in a task of `spawn_blocking` that outlives the runtime: its timers panic.
#[test]
fn on_a_runtime_that_has_been_shut_down_the_body_answers() {
    for bound in [None, Some(1)] {
        let builder = Cache::builder().memory();
        let builder = match bound {
            Some(bound) => builder.max_loads_while_down(bound),
            None => builder,
        };
        let subject = Subject { cache: builder.build().expect("valid"), ..Subject::new() };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(handle.block_on(subject.with(1, async { Ok(1) })), Ok(1));
        assert!(handle.block_on(subject.invalidate(1)).is_err());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            assert_eq!(subject.with(2, async { Ok(2) }).await, Ok(2));
            subject.settle().await;
        });
    }
}

#[test]
fn when_the_runtime_is_shut_down_during_a_load_the_body_answers() {
    let policy =
        Policy { stale_if_error: Some(SECOND), soft_timeout: Some(SECOND), ..Policy::new(SECOND) };
    let subject = Subject::with_policy(policy);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let handle = runtime.handle().clone();
    let (loading, is_loading) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel();
    let caller = std::thread::spawn(move || {
        let body = async move {
            loading.send(()).expect("somebody waits");
            ended.await.expect("somebody sends");
            tokio::task::yield_now().await;
            Ok(1)
        };
        let mut writes = Writes::new();
        writes.entry(subject.invalidate(2));
        handle.block_on(async {
            writes.hold(SECOND).await.expect("in-process");
            let answer = writes.holding(subject.with(1, body)).await;
            assert!(writes.send().await.is_err());
            answer
        })
    });
    is_loading.recv().expect("it loads");
    drop(runtime);
    end.send(()).expect("it loads");
    assert_eq!(caller.join().expect("no panic"), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_the_budget_is_too_short_to_store_in_and_it_is_stored() {
    let subject = Subject::new();
    subject.fault(Fault::Slow(30 * MILLI));
    let began = Instant::now();
    assert_eq!(subject.after(1, Duration::ZERO, Ok(1)).await, Ok(1));
    assert_eq!(began.elapsed(), 100 * MILLI, "the call waits no longer than its budget");
    sleep(100 * MILLI).await;
    assert_eq!(subject.after(1, Duration::ZERO, Ok(2)).await, Ok(1));
    assert_eq!((subject.loads(), subject.stats().stored), (1, 1));
}
