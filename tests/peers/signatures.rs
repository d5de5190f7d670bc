//! Functions that other attributes do not take, or change.

use std::fmt::Display;
use std::marker::PhantomData;

use cached_redis::{Cache, redis_cached};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{Loads, each_cache};

trait Prices {
    async fn price(&self, sku: &str) -> u64;
}

#[async_trait::async_trait]
trait Boxed: Send + Sync {
    async fn stock(&self, sku: &str) -> u64;
}

#[derive(Default)]
struct Warehouse(Loads);

#[redis_cached]
impl Prices for Warehouse {
    #[redis_cached(ttl = 600, prefix = "peers", skip(self))]
    async fn price(&self, sku: &str) -> u64 {
        self.0.gives(sku.len() as u64).await
    }
}

#[redis_cached]
#[async_trait::async_trait]
impl Boxed for Warehouse {
    #[redis_cached(ttl = 600, prefix = "peers", skip(self))]
    async fn stock(&self, sku: &str) -> u64 {
        self.0.gives(10 * sku.len() as u64).await
    }
}

// cached fails with E0407: it puts a second function into the trait's impl.
#[test]
fn trait_methods_are_cached_also_behind_dyn() {
    each_cache(async |_| {
        let warehouse = Warehouse::default();
        let boxed: &dyn Boxed = &warehouse;
        for _ in 0..3 {
            assert_eq!(warehouse.price("abc").await, 3);
            assert_eq!(boxed.stock("abc").await, 30);
        }
        assert_eq!(warehouse.0.begun(), 2);
    });
}

trait Unit {
    const NAME: &'static str;
}

struct Meter;

impl Unit for Meter {
    const NAME: &'static str = "m";
}

struct Ruler<U>(Loads, PhantomData<U>);

impl<U> Ruler<U>
where
    U: Unit,
{
    #[redis_cached(ttl = 600, prefix = "peers", skip(self))]
    async fn measure<T>(&self, of: T) -> String
    where
        T: Display + Serialize,
        Self: Sized,
        [T; 0]: Default,
    {
        self.0.begin();
        format!("{of}{}", U::NAME)
    }
}

#[redis_cached(ttl = 600, prefix = "peers", skip(loads))]
async fn parsed<T>(loads: &Loads, text: &str) -> Option<T>
where
    T: std::str::FromStr + Serialize + DeserializeOwned,
{
    loads.begin();
    text.parse().ok()
}

// hitbox drops where clauses, and its functions take no `&str`.
#[test]
fn where_clauses_generic_types_and_borrowed_text_are_kept() {
    each_cache(async |_| {
        let ruler = Ruler::<Meter>(Loads::default(), PhantomData);
        let loads = Loads::default();
        for _ in 0..3 {
            assert_eq!(ruler.measure(7).await, "7m");
            assert_eq!(ruler.measure("7").await, "7m");
            let text = String::from("7");
            assert_eq!(parsed::<u8>(&loads, &text).await, Some(7));
            assert_eq!(parsed::<f64>(&loads, &text).await, Some(7.0));
        }
        assert_eq!((ruler.0.begun(), loads.begun()), (2, 2));
    });
}

mod attributes {
    //! A dropped `cfg` would define the function twice, a dropped `expect` or `allow` would warn, a
    //! dropped `deprecated` would leave the `expect` at its call without anything to expect.
    #![deny(warnings)]

    #[cached_redis::redis_cached(ttl = 600, prefix = "peers")]
    #[cfg(not(test))]
    pub(super) async fn chosen() -> u64 {
        1
    }

    #[cfg(test)]
    #[cached_redis::redis_cached(ttl = 600, prefix = "peers")]
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
    each_cache(async |_| {
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

#[redis_cached(ttl = 600, prefix = "peers", skip(loads))]
async fn plain(loads: &Loads, id: u64) -> u64 {
    loads.gives(id).await
}

#[redis_cached(ttl = 600, prefix = "peers", skip(loads), negative_ttl = 5)]
async fn optional(loads: &Loads, id: u64) -> Option<u64> {
    let id = loads.gives(id).await;
    (id > 0).then_some(id)
}

#[redis_cached(ttl = 600, prefix = "peers", skip(loads), absent = Failure::NoSuch)]
async fn fallible(loads: &Loads, id: u64) -> Result<u64, Failure> {
    match loads.gives(id).await {
        0 => Err(Failure::NoSuch),
        1 => Err(Failure::Broken(std::fmt::Error)),
        id => Ok(id),
    }
}

async fn loads_of_three<F: Future>(call: impl Fn() -> F, loads: &Loads) -> u64 {
    let before = loads.begun();
    for _ in 0..3 {
        call().await;
    }
    loads.begun() - before
}

// cached takes no plain or `Option` returns on Redis, keeps no errors, and knows one TTL.
#[test]
fn plain_values_absences_and_chosen_errors_are_kept_each_for_its_time() {
    each_cache(async |_| {
        let loads = Loads::default();
        assert_eq!(loads_of_three(|| plain(&loads, 7), &loads).await, 1);
        assert_eq!(loads_of_three(|| optional(&loads, 7), &loads).await, 1);
        assert_eq!(loads_of_three(|| optional(&loads, 0), &loads).await, 1);
        assert_eq!(loads_of_three(|| fallible(&loads, 7), &loads).await, 1);
        assert_eq!(loads_of_three(|| fallible(&loads, 0), &loads).await, 1);
        assert_eq!(fallible(&loads, 0).await, Err(Failure::NoSuch));
        assert_eq!(loads_of_three(|| fallible(&loads, 1), &loads).await, 3, "an error like any");

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
    let runtime = crate::support::runtime();
    let spawned = runtime.spawn(async {
        let cache = Cache::memory();
        cache.scope(parsed::<u8>(&Loads::default(), "7")).await
    });
    assert_eq!(runtime.block_on(spawned).unwrap(), Some(7));
}
