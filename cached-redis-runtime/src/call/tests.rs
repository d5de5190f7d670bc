//! What a call does, over the in-process store, with time that stands still unless it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::cache::Cache;
use crate::call::Call;
use crate::current::{Handle, bypass, refresh};
use crate::error::Error;
use crate::function::Function;
use crate::group::Stamps;
use crate::lease::LeaseId;
use crate::outcome::{Probe, ProbeOneLayer as _};
use crate::policy::Policy;
use crate::private;
use crate::stats::FunctionStats;
use crate::store::memory::Fault;

static FUNCTION: Function = Function::new("test", "load", "load", "id");

type Answer = Result<u64, &'static str>;

/// A cached function of one argument, whose body the test gives.
#[derive(Clone)]
struct Subject {
    cache: Cache,
    policy: Policy,
    loads: Arc<AtomicU64>,
}

impl Subject {
    fn new() -> Self {
        let policy = Policy { jitter: 0.0, ..Policy::new(Duration::from_secs(600)) };
        Self { cache: Cache::memory(), policy, loads: Arc::default() }
    }

    fn call(&self, id: u64) -> Call {
        let mut key = FUNCTION.key("here", &[]);
        key.part(&id);
        Call::new(&FUNCTION, key.finish(), self.policy, Handle::Owned(self.cache.clone()))
    }

    /// Answers with what `body` gives.
    async fn with(&self, id: u64, body: impl Future<Output = Answer>) -> Answer {
        let loads = Arc::clone(&self.loads);
        let counted = async move {
            loads.fetch_add(1, Ordering::SeqCst);
            body.await
        };
        self.call(id).run((&&Probe::<Answer>::new()).outcome(), counted).await
    }

    /// Answers with `answer` after `delay`.
    async fn after(&self, id: u64, delay: Duration, answer: Answer) -> Answer {
        self.with(id, async move {
            sleep(delay).await;
            answer
        })
        .await
    }

    async fn invalidate(&self, id: u64) -> Result<(), Error> {
        let Call { function, key, cache, .. } = self.call(id);
        private::invalidate(function, key, cache).await
    }

    /// Asks in a task of its own, whose load has begun on return.
    async fn begin(&self, id: u64, delay: Duration, answer: Answer) -> JoinHandle<Answer> {
        let before = self.loads();
        let subject = self.clone();
        let task = tokio::spawn(async move { subject.after(id, delay, answer).await });
        while self.loads() == before {
            tokio::task::yield_now().await;
        }
        task
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    fn stats(&self) -> FunctionStats {
        self.cache.stats().functions.remove(0)
    }

    fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.cache.memory_store().expect("in-process").set_fault(fault.into());
    }

    fn key(&self, id: u64) -> String {
        self.cache.core().key(&FUNCTION, &self.call(id).key).expect("a key")
    }
}

/// What ACQUIRE leaves behind.
fn lease_record(id: &LeaseId, schema: u64) -> Vec<u8> {
    crate::record::lease(id, schema, &Stamps::default())
}

const LOAD: Duration = Duration::from_millis(100);

#[tokio::test(start_paused = true)]
async fn the_second_call_is_a_hit() {
    let subject = Subject::new();
    assert_eq!(subject.with(1, async { Ok(10) }).await, Ok(10));
    assert_eq!(subject.with(1, async { Ok(11) }).await, Ok(10));
    assert_eq!(subject.with(2, async { Ok(20) }).await, Ok(20));
    let stats = subject.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads, stats.stored), (1, 2, 2, 2));
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_entry_expires_when_its_clock_says_so() {
    let subject = Subject::new();
    subject.with(1, async { Ok(10) }).await.ok();
    let store = subject.cache.memory_store().expect("in-process");
    store.advance(Duration::from_millis(599_999));
    assert_eq!(subject.with(1, async { Ok(11) }).await, Ok(10));
    store.advance(Duration::from_millis(2));
    assert_eq!(subject.with(1, async { Ok(12) }).await, Ok(12));
}

#[tokio::test(start_paused = true)]
async fn errors_are_not_kept_and_give_the_lease_up() {
    let subject = Subject::new();
    assert_eq!(subject.with(1, async { Err("no") }).await, Err("no"));
    assert_eq!(subject.cache.memory_store().map(|store| store.len()), Some(0));
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn five_hundred_callers_load_once() {
    let subject = Subject::new();
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(1, LOAD, Ok(10)).await });
    }
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(10));
    }
    assert_eq!(subject.loads(), 1);
    assert_eq!(subject.stats().coalesced, 499);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_leader_is_replaced_by_exactly_one_follower() {
    let subject = Subject::new();
    let leader = subject.begin(1, LOAD, Ok(1)).await;
    let mut followers = JoinSet::new();
    for _ in 0..100 {
        let subject = subject.clone();
        followers.spawn(async move { subject.after(1, LOAD, Ok(2)).await });
    }
    sleep(LOAD / 2).await;
    leader.abort();
    while let Some(answer) = followers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(2));
    }
    assert_eq!(subject.loads(), 2);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_leader_is_replaced_too() {
    let subject = Subject::new();
    let leader = tokio::spawn({
        let subject = subject.clone();
        async move {
            subject
                .with(1, async {
                    sleep(LOAD).await;
                    panic!("the body's own")
                })
                .await
        }
    });
    while subject.loads() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(subject.after(1, LOAD, Ok(2)).await, Ok(2));
    assert!(leader.await.is_err_and(|error| error.is_panic()));
    assert_eq!((subject.loads(), subject.cache.loads_in_flight()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn callers_with_deadlines_do_not_hand_over_for_ever() {
    const SLOW: Duration = Duration::from_millis(800);
    let subject = Subject::new();
    let mut callers = JoinSet::new();
    for caller in 0..300_u64 {
        let subject = subject.clone();
        // The first gives up early; the others have just about time for one load.
        let patience = Duration::from_millis(if caller == 0 { 700 } else { 1000 });
        callers.spawn(async move {
            sleep(Duration::from_millis(10) * u32::try_from(caller).expect("small")).await;
            tokio::time::timeout(patience, subject.after(1, SLOW, Ok(1))).await.is_ok()
        });
    }
    let mut answered = 0;
    while let Some(answer) = callers.join_next().await {
        answered += usize::from(answer.expect("no panic"));
    }
    // Those who came in the first 0.6 s cannot have an answer before 1.5 s.
    assert!(answered > 220, "{answered} of 300");
    assert!(subject.loads() <= 3, "{} loads", subject.loads());
}

#[tokio::test(start_paused = true)]
async fn failing_loads_run_in_parallel_not_in_line() {
    let subject = Subject::new();
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(1, LOAD, Err("down")).await });
    }
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Err("down"));
    }
    assert!(started.elapsed() <= 2 * LOAD, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_began_before_an_invalidation_leaves_nothing() {
    let subject = Subject::new();
    let old = subject.begin(1, LOAD, Ok(1)).await;
    subject.invalidate(1).await.expect("in-process");
    // Starts after the invalidation returned: must not join the old load.
    assert_eq!(subject.after(1, LOAD / 2, Ok(2)).await, Ok(2));
    assert_eq!(old.await.expect("no panic"), Ok(1), "its own caller began before");
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
    assert_eq!(subject.stats().superseded, 1);
}

#[tokio::test(start_paused = true)]
async fn those_who_joined_a_load_that_was_superseded_start_over() {
    let subject = Subject::new();
    let spawn = |value| {
        let subject = subject.clone();
        tokio::spawn(async move { subject.after(1, LOAD, Ok(value)).await })
    };
    let leader = spawn(1);
    while subject.loads() == 0 {
        tokio::task::yield_now().await;
    }
    let follower = spawn(2);
    sleep(LOAD / 2).await;
    subject.invalidate(1).await.expect("in-process");
    assert_eq!(leader.await.expect("no panic"), Ok(1));
    assert_eq!(follower.await.expect("no panic"), Ok(2), "only what was stored is shared");
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn an_eviction_fences_like_an_invalidation() {
    let subject = Subject::new();
    let old = subject.begin(1, LOAD, Ok(1)).await;
    assert!(subject.cache.memory_store().is_some_and(|store| store.evict(&subject.key(1))));
    old.await.expect("no panic").ok();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn bypass_neither_reads_nor_writes() {
    let subject = Subject::new();
    assert_eq!(bypass(subject.with(1, async { Ok(1) })).await, Ok(1));
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(bypass(subject.with(1, async { Ok(3) })).await, Ok(3));
    assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(2));
    assert_eq!(subject.stats().bypasses, 2);
}

#[tokio::test(start_paused = true)]
async fn refresh_loads_while_others_still_hit() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let refreshing = tokio::spawn({
        let subject = subject.clone();
        async move { refresh(subject.after(1, LOAD, Ok(2))).await }
    });
    while subject.loads() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(1), "the old value stays readable");
    assert_eq!(refreshing.await.expect("no panic"), Ok(2));
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_leaves_the_old_value() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    assert_eq!(refresh(subject.with(1, async { Err("no") })).await, Err("no"));
    assert_eq!(subject.with(1, async { Ok(9) }).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_during_a_refresh_wins() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    let refreshing = tokio::spawn({
        let subject = subject.clone();
        async move { refresh(subject.after(1, LOAD, Ok(2))).await }
    });
    while subject.loads() < 2 {
        tokio::task::yield_now().await;
    }
    subject.invalidate(1).await.expect("in-process");
    refreshing.await.expect("no panic").ok();
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
}

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

#[tokio::test(start_paused = true)]
async fn rubbish_under_the_key_is_replaced() {
    let subject = Subject::new();
    for rubbish in [Vec::new(), vec![0xff; 9], vec![b'['; 6_000_000], unreadable_payload()] {
        let store = subject.cache.memory_store().expect("in-process");
        store.set_raw(&subject.key(1), rubbish, Duration::from_secs(60));
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "replaced");
    }
}

#[tokio::test(start_paused = true)]
async fn rubbish_costs_one_load_whoever_finds_it() {
    let subject = Subject::new();
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), unreadable_payload(), Duration::from_secs(60));
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(1, LOAD, Ok(10)).await });
    }
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.expect("no panic"), Ok(10));
    }
    assert_eq!(subject.loads(), 1);
}

/// A sound header of the right schema in front of deeply nested JSON.
fn unreadable_payload() -> Vec<u8> {
    let schema = crate::key::schema(0, std::any::type_name::<u64>());
    let mut record =
        crate::record::value(crate::record::Kind::Value, crate::record::Codec::Json, schema);
    record.extend(std::iter::repeat_n(b'[', 6_000_000));
    record
}

#[tokio::test(start_paused = true)]
async fn another_schema_is_a_miss_and_is_replaced() {
    let mut subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.policy.version = 1;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_value_above_the_limit_is_returned_and_not_stored() {
    let cache = Cache::builder().memory().max_value_bytes(3).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    assert_eq!(subject.with(1, async { Ok(9999) }).await, Ok(9999));
    assert_eq!(subject.with(1, async { Ok(999) }).await, Ok(999), "not stored");
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(999), "stored");
    assert_eq!(subject.stats().too_large, 1);
}

#[tokio::test(start_paused = true)]
async fn a_ttl_out_of_bounds_costs_hits_not_answers() {
    for ttl in [Duration::ZERO, Duration::from_secs(31 * 24 * 3600)] {
        let mut subject = Subject::new();
        subject.policy.ttl = ttl;
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
        assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
        assert_eq!(subject.stats().errors.get("ttl"), Some(&2));
    }
}

#[tokio::test(start_paused = true)]
async fn jitter_only_shortens_and_by_no_more_than_its_share() {
    let subject = Subject::new();
    let policy = Policy { jitter: 0.5, ..subject.policy };
    let lives: Vec<_> =
        (0..1000).map(|_| subject.cache.core().jittered(policy.ttl, &policy)).collect();
    assert!(lives.iter().all(|life| *life <= policy.ttl && *life >= policy.ttl / 2));
    let (least, most) = (lives.iter().min(), lives.iter().max());
    assert!(least < Some(&(policy.ttl * 6 / 10)) && most > Some(&(policy.ttl * 9 / 10)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_the_load_runs() {
    let mut subject = Subject::new();
    subject.policy.lease = Some(Duration::from_millis(300));
    let slow = Duration::from_secs(5);
    let leader = subject.begin(1, slow, Ok(1)).await;
    sleep(slow / 2).await;
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "waits and shares");
    leader.await.expect("no panic").ok();
    assert_eq!(subject.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_load_timeout() {
    let mut subject = Subject::new();
    subject.policy.load_timeout = Duration::from_secs(1);
    let leader = subject.begin(1, Duration::from_secs(60), Ok(1)).await;
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert!(started.elapsed() <= Duration::from_millis(1100), "{:?}", started.elapsed());
    assert_eq!(leader.await.expect("no panic"), Ok(1), "the body itself is never cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_not_polled_delays_others_by_at_most_its_lease() {
    let mut subject = Subject::new();
    subject.policy.lease = Some(Duration::from_secs(2));
    let mut stalled = Box::pin(subject.after(1, LOAD, Ok(1)));
    while subject.loads() == 0 {
        tokio::select! {
            biased;
            _ = &mut stalled => unreachable!("still loading"),
            () = tokio::task::yield_now() => {}
        }
    }
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert!(started.elapsed() < Duration::from_millis(2100), "{:?}", started.elapsed());
    assert_eq!(stalled.await, Ok(1));
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2), "what was stored later");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_crashed_delays_others_by_at_most_its_lease() {
    let mut subject = Subject::new();
    subject.policy.lease = Some(Duration::from_secs(2));
    let (key, schema) = (subject.key(1), crate::key::schema(0, "u64"));
    let crashed = crate::lease::LeaseId::new(crate::lease::Nonce { process: 1, sequence: 1 }, 1);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&key, lease_record(&crashed, schema), Duration::from_secs(2));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_millis(2200), "{waited:?}");
    assert_eq!(subject.stats().waits, 1);
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "stored");
}

#[tokio::test(start_paused = true)]
async fn without_a_lock_nobody_waits_for_another_process() {
    let mut subject = Subject::new();
    subject.policy.lease = None;
    let other = crate::lease::LeaseId::new(crate::lease::Nonce { process: 1, sequence: 1 }, 1);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), lease_record(&other, 0), Duration::from_secs(60));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_failed_invalidation_is_an_error_and_is_retried_until_it_succeeds() {
    let subject = Subject::new();
    subject.with(1, async { Ok(1) }).await.ok();
    subject.fault(Fault::RefuseWrites);
    assert!(subject.invalidate(1).await.is_err());
    assert_eq!(subject.cache.stats().pending_invalidations, 1);
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2), "not read while it is outstanding");
    let entry = subject.call(1).entry((&&Probe::<Answer>::new()).outcome());
    assert_eq!(entry.get().await.expect("in-process"), None, "neither by way of its entry");
    subject.fault(None);
    while subject.cache.stats().pending_invalidations > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(3));
    assert_eq!(subject.with(1, async { Ok(4) }).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn too_many_failed_invalidations_are_counted() {
    let cache = Cache::builder().memory().max_pending_invalidations(2).build().expect("valid");
    let subject = Subject { cache, ..Subject::new() };
    subject.fault(Fault::Down);
    for id in 0..5 {
        assert!(subject.invalidate(id).await.is_err());
    }
    let stats = subject.cache.stats();
    assert_eq!((stats.pending_invalidations, stats.dropped_invalidations), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_question_does_not_keep_the_lease() {
    let subject = Subject::new();
    subject.fault(Fault::Slow(Duration::from_millis(20)));
    // Cancelled between ACQUIRE and its reply.
    let asking = subject.after(1, LOAD, Ok(1));
    let cancelled = tokio::time::timeout(Duration::from_millis(41), asking).await;
    assert!(cancelled.is_err());
    subject.fault(None);
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(2));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(subject.with(1, async { Ok(3) }).await, Ok(2), "stored");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_executed_twice_is_granted() {
    let subject = Subject::new();
    let last = subject.cache.core().flights.ask("", Box::new(|_| {})).nonce();
    // What the next question will ask, as if its first execution had been answered to nobody.
    let nonce = crate::lease::Nonce { sequence: last.sequence + 1, ..last };
    let lease = lease_record(&LeaseId::new(nonce, 1), 0);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), lease, Duration::from_secs(10));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "stored under that lease");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_its_holder_could_not_give_up_is_taken_over() {
    let subject = Subject::new();
    let orphan = subject.cache.core().flights.ask("", Box::new(|_| {}));
    let lease = lease_record(&LeaseId::new(orphan.nonce(), 1), 0);
    drop(orphan);
    let store = subject.cache.memory_store().expect("in-process");
    store.set_raw(&subject.key(1), lease, Duration::from_secs(10));
    let started = Instant::now();
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    assert!(started.elapsed() < Duration::from_millis(50), "{:?}", started.elapsed());
    assert_eq!(subject.with(1, async { Ok(2) }).await, Ok(1), "stored under that lease");
}

#[test]
fn on_an_executor_without_timers_the_body_answers() {
    let subject = Subject::new();
    let mut call = std::pin::pin!(subject.with(1, async { Ok(1) }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(call.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(1)));
    assert_eq!(subject.stats().errors.get("unreachable"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn absurd_times_do_no_harm() {
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let mut subject = Subject::new();
        subject.policy.lease = Some(time);
        subject.policy.load_timeout = time;
        subject.policy.negative_ttl = time;
        subject.policy.jitter = f64::NAN;
        let started = Instant::now();
        assert_eq!(subject.after(1, LOAD, Ok(1)).await, Ok(1), "{time:?}");
        assert!(started.elapsed() < 2 * LOAD, "{time:?}: {:?}", started.elapsed());
    }
}

#[test]
fn a_call_is_not_much_larger_than_its_body() {
    const BODY: usize = 10_000;
    let subject = Subject::new();
    let body = async {
        let large = [0_u8; BODY];
        tokio::task::yield_now().await;
        Ok(u64::from(large[0]))
    };
    let size = size_of_val(&subject.call(1).run((&&Probe::<Answer>::new()).outcome(), body));
    // Once as an argument and once where it is pinned: an `async fn` keeps both.
    assert!(size < 2 * BODY + 5_000, "{size}");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_keys_do_not_wait_for_each_other() {
    let subject = Subject::new();
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for id in 0..10_000 {
        let subject = subject.clone();
        callers.spawn(async move { subject.after(id, LOAD, Ok(id)).await });
    }
    while let Some(answer) = callers.join_next().await {
        answer.expect("no panic").expect("a value");
    }
    // Timers have a grain of one millisecond.
    assert!(started.elapsed() < LOAD * 11 / 10, "{:?}", started.elapsed());
    assert_eq!(subject.loads(), 10_000);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}
