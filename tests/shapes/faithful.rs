//! Types that do not read back as what was stored are not cached.

use cached_redis::{Cache, Loss, redis_cached};
use serde::{Deserialize, Serialize};

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
