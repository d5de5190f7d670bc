//! A store that fails costs hits, not answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{LOAD, Subject};
use crate::cache::Cache;
use crate::store::memory::Fault;

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
