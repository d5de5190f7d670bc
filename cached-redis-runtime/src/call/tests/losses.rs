//! What goes wrong without an error that a caller could see: a warning, and a line in `health()`.

use cached_redis_test_support::events::Events;

use super::*;
use crate::loss::Loss;
use crate::writes::Writes;

const MINUTE: Duration = Duration::from_secs(60);

impl Subject {
    /// What `health()` lists, and how often it was seen.
    async fn losses(&self) -> Vec<(Loss, u64)> {
        let losses = self.cache.health().await.losses;
        losses.iter().map(|loss| (loss.kind, loss.count)).collect()
    }

    /// Calls with arguments of their own, one a second.
    async fn calls_of_their_own(&self, ids: std::ops::Range<u64>) {
        for id in ids {
            assert_eq!(self.with(id, async { Ok(id) }).await, Ok(id));
            sleep(SECOND).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_works_loses_nothing() {
    let events = Events::listen();
    let subject = Subject::new();
    for _ in 0..3 {
        subject.calls_of_their_own(0..200).await;
    }
    subject.invalidate_all().await.expect("a store");
    assert_eq!(subject.losses().await, []);
    assert_eq!(events.text(), "");
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_cannot_be_read_is_one_warning() {
    let events = Events::listen();
    let subject = Subject::new();
    for id in 0..5 {
        subject.store().set_raw(&subject.key(id), b"rubbish".to_vec(), MINUTE);
        assert_eq!(subject.with(id, async { Ok(1) }).await, Ok(1));
    }
    assert_eq!(subject.losses().await, [(Loss::Unreadable, 5)]);
    let [warning] = &events.warnings()[..] else { panic!("not one: {}", events.text()) };
    assert!(warning.contains("loss=\"unreadable\" prefix=\"test\" name=\"load\""), "{warning}");
}

#[tokio::test(start_paused = true)]
async fn options_that_do_not_fit_are_one_warning() {
    let events = Events::listen();
    let policy = Policy { ttl: Duration::ZERO, ..Policy::new(SECOND) };
    let subject = Subject { policy, ..Subject::new() };
    for _ in 0..5 {
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    }
    assert_eq!(subject.losses().await, [(Loss::Options, 5)]);
    assert_eq!(events.warnings().len(), 1, "{}", events.text());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_is_one_warning_and_one_that_is_away_is_none() {
    let events = Events::listen();
    let subject = Subject::new();
    subject.fault(Fault::Down);
    assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    // The connection says so, and `health().ping`.
    assert_eq!(subject.losses().await, []);
    subject.fault(Fault::RefuseWrites);
    for _ in 0..5 {
        assert_eq!(subject.with(1, async { Ok(1) }).await, Ok(1));
    }
    assert_eq!(subject.losses().await, [(Loss::ServerError, 5)]);
    assert_eq!(events.warnings().len(), 1, "{}", events.text());
}

#[tokio::test(start_paused = true)]
async fn reloads_that_fail_are_one_warning() {
    let events = Events::listen();
    let policy = Policy { stale: Some(MINUTE), ..Policy::new(SECOND) };
    let subject = Subject::with_policy(policy);
    assert_eq!(subject.behind(1, Duration::ZERO, Ok(1)).await, Ok(1));
    let mut failures = 0;
    while failures < 2 {
        subject.advance(16 * SECOND);
        assert_eq!(subject.behind(1, Duration::ZERO, Err("down")).await, Ok(1));
        subject.settle().await;
        failures = subject.stats().failed_reloads;
    }
    assert_eq!(subject.losses().await, [(Loss::FailedReload, 2)]);
    assert_eq!(events.warnings().len(), 1, "{}", events.text());
}

#[tokio::test(start_paused = true)]
async fn a_function_that_never_hits_is_one_warning() {
    let events = Events::listen();
    let subject = Subject::with_policy(Policy::new(MINUTE));
    subject.calls_of_their_own(0..99).await;
    assert_eq!(subject.losses().await, []);
    subject.calls_of_their_own(99..110).await;
    assert_eq!(subject.losses().await, [(Loss::NeverHits, 11)]);
    let [warning] = &events.warnings()[..] else { panic!("not one: {}", events.text()) };
    assert!(warning.contains("loss=\"never_hits\""), "{warning}");
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_values_are_never_stored_never_hits() {
    let subject = Subject::with_policy(Policy::new(MINUTE));
    for id in 0..110 {
        // Each is outdated when it has been loaded.
        let invalidated = async {
            subject.invalidate(id).await.expect("a store");
            Ok(id)
        };
        assert_eq!(subject.with(id, invalidated).await, Ok(id));
        sleep(SECOND).await;
    }
    assert_eq!(subject.stats().stored, 0);
    assert_eq!(subject.losses().await, [(Loss::NeverHits, 11)]);
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_or_a_single_hit_or_a_body_that_fails_is_no_loss() {
    let fills = Subject::new();
    for id in 0..10_000 {
        assert_eq!(fills.with(id, async { Ok(1) }).await, Ok(1));
    }
    assert_eq!(fills.losses().await, [], "it may be read later");

    let hits = Subject::new();
    hits.calls_of_their_own(0..50).await;
    hits.calls_of_their_own(49..1_000).await;
    assert_eq!(hits.losses().await, [], "a hit in a thousand is one");

    let fails = Subject::new();
    for id in 0..1_000 {
        assert_eq!(fails.with(id, async { Err("down") }).await, Err("down"));
        sleep(SECOND).await;
    }
    assert_eq!(fails.losses().await, [], "the caller sees that");
}

#[tokio::test(start_paused = true)]
async fn what_the_connection_counts_is_in_the_statistics() {
    let subject = Subject::new();
    let stats = subject.cache.stats();
    assert_eq!((stats.reconnects, stats.untracked_connections), (0, 0));
    let counters = &subject.cache.core().connection;
    counters.reconnects.add(2);
    counters.untracked.increment();
    let stats = subject.cache.stats();
    assert_eq!((stats.reconnects, stats.untracked_connections), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn health_says_whether_changes_are_reported() {
    assert_eq!(Subject::new().cache.health().await.tracking, crate::Tracking::On);
}

#[tokio::test(start_paused = true)]
async fn invalidations_that_are_given_up_are_one_warning() {
    let events = Events::listen();
    let builder = Cache::builder().memory().max_pending_invalidations(1);
    let subject = Subject { cache: builder.build().expect("settings"), ..Subject::new() };
    subject.fault(Fault::Down);
    for id in 0..5 {
        subject.invalidate(id).await.expect_err("no store");
    }
    assert_eq!(subject.losses().await, [(Loss::GivenUp, 4)]);
    // One more says that they are retried.
    assert_eq!(events.warnings().len(), 2, "{}", events.text());
}

#[tokio::test(start_paused = true)]
async fn writes_without_their_guard_are_one_warning() {
    let events = Events::listen();
    let subject = Subject::new();
    subject.fault(Fault::RefuseWrites);
    for id in 0..5 {
        let mut writes = Writes::new();
        writes.entry(subject.invalidate(id));
        writes.hold(SECOND).await.expect_err("no fence");
        writes.forget().await;
    }
    assert_eq!(subject.losses().await, [(Loss::Unguarded, 5)]);
    let warnings = events.warnings();
    let of_guards = |line: &&String| line.contains("loss=\"unguarded\"");
    assert_eq!(warnings.iter().filter(of_guards).count(), 1, "{}", events.text());
}
