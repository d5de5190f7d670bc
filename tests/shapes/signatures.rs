//! Signatures come through unchanged: traits, where clauses, attributes, results of every kind.

use std::fmt::Display;
use std::marker::PhantomData;

use cached_redis::{Cache, redis_cached};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::assert_cached;
use crate::support::{ask, loaded, run};

trait Prices {
    async fn price(&self, sku: &str) -> u64;
}

#[async_trait::async_trait]
trait Boxed: Send + Sync {
    async fn stock(&self, sku: &str) -> u64;
}

struct Warehouse;

#[redis_cached]
impl Prices for Warehouse {
    #[redis_cached(ttl = 600, prefix = "signatures", skip(self))]
    async fn price(&self, sku: &str) -> u64 {
        loaded();
        sku.len() as u64
    }
}

#[redis_cached]
#[async_trait::async_trait]
impl Boxed for Warehouse {
    #[redis_cached(ttl = 600, prefix = "signatures", skip(self))]
    async fn stock(&self, sku: &str) -> u64 {
        loaded();
        10 * sku.len() as u64
    }
}

// cached fails with E0407: it puts a second function into the trait's impl.
#[test]
fn trait_methods_are_cached_also_behind_dyn() {
    run(async {
        let boxed: &dyn Boxed = &Warehouse;
        assert_cached!(Warehouse.price("abc"), 3);
        assert_cached!(boxed.stock("abc"), 30);
    });
}

trait Unit {
    const NAME: &'static str;
}

struct Meter;

impl Unit for Meter {
    const NAME: &'static str = "m";
}

struct Ruler<U>(PhantomData<U>);

impl<U> Ruler<U>
where
    U: Unit,
{
    #[redis_cached(ttl = 600, prefix = "signatures", skip(self))]
    async fn measure<T>(&self, of: T) -> String
    where
        T: Display + Serialize,
        Self: Sized,
        [T; 0]: Default,
    {
        loaded();
        format!("{of}{}", U::NAME)
    }
}

#[redis_cached(ttl = 600, prefix = "signatures")]
async fn parsed<T>(text: &str) -> Option<T>
where
    T: std::str::FromStr + Serialize + DeserializeOwned,
{
    loaded();
    text.parse().ok()
}

// hitbox drops where clauses, and its functions take no `&str`.
#[test]
fn where_clauses_generic_types_and_borrowed_text_are_kept() {
    run(async {
        let ruler = Ruler::<Meter>(PhantomData);
        assert_cached!(ruler.measure(7), "7m");
        assert_cached!(ruler.measure("7"), "7m");
        assert_cached!(parsed::<u8>("7"), Some(7));
        assert_cached!(parsed::<f64>(&String::from("7")), Some(7.0));
    });
}

mod attributes {
    //! A dropped `cfg` would define the function twice, a dropped `expect` or `allow` would warn, a
    //! dropped `deprecated` would leave the `expect` at its call without anything to expect.
    #![deny(warnings)]

    #[cached_redis::redis_cached(ttl = 600, prefix = "signatures")]
    #[cfg(not(test))]
    pub(super) async fn chosen() -> u64 {
        1
    }

    #[cfg(test)]
    #[cached_redis::redis_cached(ttl = 600, prefix = "signatures")]
    #[allow(non_snake_case, reason = "kept")]
    #[deprecated = "kept"]
    pub(super) async fn chosen(Id: u64) -> u64 {
        Id
    }
}

// hitbox drops attributes.
#[deny(unfulfilled_lint_expectations)]
#[test]
fn attributes_below_and_above_are_kept() {
    run(async {
        #[expect(deprecated, reason = "that is what is tested")]
        let chosen = attributes::chosen(2).await;
        assert_eq!(chosen, 2);
    });
}

#[derive(Debug, PartialEq)]
enum Failure {
    NoSuch,
    // Neither `Clone` nor serializable.
    Broken(std::fmt::Error),
}

#[redis_cached(ttl = 600, prefix = "signatures")]
async fn plain(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600, prefix = "signatures", negative_ttl = 5)]
async fn optional(id: u64) -> Option<u64> {
    loaded();
    (id > 0).then_some(id)
}

#[redis_cached(ttl = 600, prefix = "signatures", absent = Failure::NoSuch)]
async fn fallible(id: u64) -> Result<u64, Failure> {
    loaded();
    match id {
        0 => Err(Failure::NoSuch),
        1 => Err(Failure::Broken(std::fmt::Error)),
        id => Ok(id),
    }
}

// cached takes no plain or `Option` returns on Redis, keeps no errors, and knows one TTL.
#[test]
fn plain_values_absences_and_chosen_errors_are_kept_each_for_its_time() {
    run(async {
        assert_cached!(plain(7), 7);
        assert_cached!(optional(7), Some(7));
        assert_cached!(optional(0), None);
        assert_cached!(fallible(7), Ok(7));
        assert_cached!(fallible(0), Err(Failure::NoSuch));
        for _ in 0..3 {
            assert!(ask(fallible(1)).await.1, "an error like any");
        }

        let left = async |ttl: Result<Option<std::time::Duration>, _>| {
            ttl.map_err(|error: cached_redis::Error| error.kind()).unwrap().unwrap().as_secs()
        };
        assert!(left(plain_entry(7).ttl().await).await > 500);
        assert!(left(optional_entry(7).ttl().await).await > 500);
        assert!(left(optional_entry(0).ttl().await).await < 5);
        assert!(left(fallible_entry(0).ttl().await).await < 60);
    });
}

// `Send` is lost where a wrapper holds a guard or a reference that is not.
#[test]
fn a_cached_call_can_be_spawned() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let spawned = runtime.spawn(async {
        let cache = Cache::memory();
        cache.scope(parsed::<u8>("7")).await
    });
    assert_eq!(runtime.block_on(spawned).unwrap(), Some(7));
}
