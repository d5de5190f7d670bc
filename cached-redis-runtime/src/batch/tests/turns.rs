//! After a load that has failed, or takes too long, batches take turns, with each other and with single calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{Answer, LOAD, SECOND, Subject, by_return, member_outcome, tenfold};
use crate::cache::Cache;
use crate::policy::Policy;

/// What runs of the body come to, by their number.
type Comes = fn(u64, &[u64]) -> Answer;

/// Runs of the bodies of a crowd.
#[derive(Clone, Default)]
struct Runs {
    all: Arc<AtomicU64>,
    now: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

impl Runs {
    async fn body(self, ids: Vec<u64>, comes: Comes) -> Answer {
        let run = self.all.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        sleep(LOAD).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        comes(run, &ids)
    }

    fn most(&self) -> u64 {
        self.most.load(Ordering::SeqCst)
    }

    fn all(&self) -> u64 {
        self.all.load(Ordering::SeqCst)
    }
}

/// Callers of these ids at the same time, and their answers.
async fn crowd(subject: &Subject, runs: &Runs, of: &[Vec<u64>], comes: Comes) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for ids in of {
        let (subject, runs, ids) = (subject.clone(), runs.clone(), ids.clone());
        tasks.spawn(
            async move { subject.batch(&ids).run(|ids| runs.clone().body(ids, comes)).await },
        );
    }
    timeout(60 * SECOND, tasks.join_all()).await.expect("nobody waits for ever")
}

fn is_quiet(subject: &Subject) {
    assert_eq!(subject.cache.core().load_queues.len(), 0);
    assert_eq!(subject.cache.loads_in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_load_a_few_batches_load_at_a_time() {
    let cache = Cache::builder().memory().max_loads_after_failure(3).build().expect("valid");
    let (subject, runs) = (Subject { cache, ..Subject::new() }, Runs::default());
    let answers = crowd(&subject, &runs, &vec![vec![1, 2]; 50], |_, _| Err("down")).await;
    assert!(answers.iter().all(|answer| *answer == Err("down")), "each has its own error");
    assert_eq!((runs.most(), runs.all()), (3, 50));
    // All but the first and the three that came next, each for two ids.
    assert_eq!(subject.stats().queued, 2 * 46);
    is_quiet(&subject);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_succeeds_answers_all_who_wait_for_their_turn() {
    let (subject, runs) = (Subject::new(), Runs::default());
    let began = Instant::now();
    let comes: Comes = |run, ids| if run == 0 { Err("down") } else { Ok(tenfold(ids)) };
    let answers = crowd(&subject, &runs, &vec![vec![1, 2]; 100], comes).await;
    let is_right = |answer: &&Answer| **answer == Ok(tenfold(&[1, 2]));
    assert_eq!(answers.iter().filter(is_right).count(), 99);
    assert_eq!((runs.most(), runs.all(), began.elapsed()), (4, 5, 2 * LOAD));
    subject.get(&[1, 2]).await;
    assert!(subject.take_loads().is_empty(), "one of them has stored it");
    is_quiet(&subject);
}

#[tokio::test(start_paused = true)]
async fn batches_that_overlap_in_all_ways_never_wait_for_each_other() {
    let cache = Cache::builder().memory().max_loads_after_failure(1).build().expect("valid");
    for comes in [
        (|_, _| Err("down")) as Comes,
        |run, ids| if run < 9 { Err("down") } else { Ok(tenfold(ids)) },
        |run, ids| if run % 2 == 0 { Err("down") } else { Ok(tenfold(ids)) },
        // What is not kept cannot be shared.
        |run, ids| if run == 0 { Err("down") } else { Ok(HashMap::from([(ids[0], 1)])) },
    ] {
        let policy =
            Policy { negative_ttl: std::time::Duration::ZERO, ..Policy::new(600 * SECOND) };
        let (subject, runs) =
            (Subject { cache: cache.clone(), ..Subject::with_policy(policy) }, Runs::default());
        let of: Vec<Vec<u64>> = (0..12)
            .flat_map(|first| [vec![first, (first + 1) % 12], vec![(first + 5) % 12, first]])
            .collect();
        crowd(&subject, &runs, &of, comes).await;
        is_quiet(&subject);
        for id in 0..12 {
            subject.invalidate(id).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn single_calls_and_batches_take_turns_with_each_other() {
    let cache = Cache::builder().memory().max_loads_after_failure(2).build().expect("valid");
    let (subject, runs) = (Subject { cache, ..Subject::new() }, Runs::default());
    let mut singles = JoinSet::new();
    for _ in 0..10 {
        let (subject, runs) = (subject.clone(), runs.clone());
        singles.spawn(async move {
            let outcome = member_outcome(&by_return::<Answer>(), &1);
            // A function of one id has no error here: it takes part as one that comes to nothing.
            let load =
                || async move { runs.body(vec![1], |_, _| Err("down")).await.ok().map(|_| 1) };
            subject.call(1).run(outcome, load).await
        });
    }
    let answers = crowd(&subject, &runs, &vec![vec![1, 2]; 10], |_, _| Err("down")).await;
    singles.join_all().await;
    assert_eq!(answers.len(), 10);
    is_quiet(&subject);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_batch_leaves_its_places_and_turns_to_others() {
    let cache = Cache::builder().memory().max_loads_after_failure(1).build().expect("valid");
    let (subject, runs) = (Subject { cache, ..Subject::new() }, Runs::default());
    let mut tasks = JoinSet::new();
    for caller in 0..20_u32 {
        let (subject, runs) = (subject.clone(), runs.clone());
        tasks.spawn(async move {
            let batch = subject.batch(&[1, 2]);
            let call = batch.run(|ids| runs.clone().body(ids, |_, _| Err("down")));
            // Some of them while they wait, some while they load.
            let patience = if caller % 2 == 0 { LOAD * caller / 2 } else { 60 * SECOND };
            timeout(patience, call).await.ok()
        });
    }
    let answers = timeout(60 * SECOND, tasks.join_all()).await.expect("nobody waits for ever");
    assert!(answers.iter().flatten().count() >= 10);
    assert_eq!(runs.most(), 1, "one at a time, the first among them");
    is_quiet(&subject);
}

#[tokio::test(start_paused = true)]
async fn a_last_good_value_answers_in_place_of_a_turn() {
    let policy = Policy { stale_if_error: Some(600 * SECOND), ..Policy::new(10 * SECOND) };
    let (subject, runs) = (Subject::with_policy(policy), Runs::default());
    subject.get(&[1, 2]).await;
    subject.store().advance(11 * SECOND);
    let answers = crowd(&subject, &runs, &vec![vec![1, 2]; 20], |_, _| Err("down")).await;
    assert!(answers.iter().all(|answer| *answer == Ok(tenfold(&[1, 2]))));
    assert_eq!(runs.all(), 1);
    is_quiet(&subject);
}
