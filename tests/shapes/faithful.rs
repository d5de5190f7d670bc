//! Types that do not read back as what was stored are not cached.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, Loss, redis_cached};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::support::run;

/// The obvious mend of a field that must not be written: it comes back as 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    #[serde(skip_serializing, default)]
    id: u64,
}

#[redis_cached(ttl = 60, prefix = "faithful")]
async fn user(name: &str) -> Result<Option<User>, String> {
    Ok(Some(User { name: name.to_owned(), id: 7 }))
}

/// Reads back, although it does not say whether it is equal.
#[derive(Serialize, Deserialize)]
struct Opaque {
    name: String,
}

#[redis_cached(ttl = 60, prefix = "faithful")]
async fn opaque(name: &str) -> Opaque {
    Opaque { name: name.to_owned() }
}

#[redis_cached(ttl = 60, prefix = "faithful")]
async fn of_any<T: Clone + Send + Sync + Serialize + serde::de::DeserializeOwned + 'static>(
    value: T,
) -> Vec<T> {
    vec![value]
}

#[test]
fn a_field_that_is_not_written_is_noticed_before_anybody_gets_another_value() {
    run(async {
        let cache = Cache::current();
        for _ in 0..3 {
            let found = user("ada").await.expect("found").expect("found");
            assert_eq!(found.id, 7, "never a value that was not returned");
        }
        let stats = cache.stats();
        let user = stats.functions.iter().find(|one| one.name == "faithful:user").expect("called");
        assert_eq!((user.loads, user.hits, user.stored, user.unfaithful), (3, 0, 0, 3));
        let losses = cache.health().await.losses;
        let loss = losses.iter().find(|loss| loss.kind == Loss::Unfaithful).expect("reported");
        assert_eq!(loss.count, 1, "once");
        assert!(
            loss.advice.contains("User") && loss.advice.contains("not serialized"),
            "{}",
            loss.advice
        );
        assert!(!loss.advice.contains("ada"), "no values");
    });
}

#[test]
fn what_reads_back_is_cached_whether_it_can_be_compared_or_not() {
    run(async {
        let cache = Cache::current();
        for _ in 0..2 {
            assert_eq!(opaque("ada").await.name, "ada");
            assert_eq!(of_any(7_u64).await, [7]);
            assert!(of_any(f64::MAX).await[0] > 1.0);
        }
        let hits = |name: &str| {
            let stats = cache.stats();
            stats
                .functions
                .iter()
                .find(|one| one.name == name)
                .map(|one| (one.hits, one.unfaithful))
        };
        assert_eq!(hits("faithful:opaque"), Some((1, 0)));
        assert_eq!(hits("faithful:of_any"), Some((2, 0)));
    });
}

static RUNS: AtomicU64 = AtomicU64::new(0);

/// The first load fails. Of those that follow, the one with the lease takes longest.
#[redis_cached(ttl = 60, prefix = "faithful")]
async fn user_after_a_failure() -> Result<User, String> {
    let run = RUNS.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(if run == 1 { 500 } else { 10 })).await;
    match run {
        0 => Err("down".to_owned()),
        _ => Ok(User { name: "ada".to_owned(), id: 7 }),
    }
}

#[test]
fn callers_who_wait_for_their_turn_get_no_value_that_does_not_read_back() {
    run(async {
        let mut callers = JoinSet::new();
        for _ in 0..20 {
            let cache = Cache::current();
            callers.spawn(async move { cache.scope(user_after_a_failure()).await });
        }
        let answers = callers.join_all().await;
        let users: Vec<_> = answers.into_iter().flatten().collect();
        assert_eq!(users.len(), 19, "one has failed");
        assert!(users.iter().all(|user| user.id == 7), "{users:?}");
    });
}
