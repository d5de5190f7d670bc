//! Every option, run.

use std::sync::Arc;
use std::time::Duration;

use cached_redis::{Absent, Cache, redis_cached};
use serde::{Deserialize, Serialize};

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, run};

const LIFE: Duration = Duration::from_secs(300);
const SECONDS: u32 = 300;
const JITTER: f64 = 0.0;

#[derive(Debug, PartialEq)]
enum Failure {
    NotFound,
    Missing { what: &'static str },
    Gone(u8),
    Other,
}

impl From<Absent> for Failure {
    fn from(_: Absent) -> Self {
        Self::NotFound
    }
}

fn is_not_found(failure: &Failure) -> bool {
    matches!(failure, Failure::NotFound)
}

#[redis_cached(ttl = LIFE, jitter = 0)]
async fn constant_life(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = SECONDS, jitter = JITTER)]
async fn seconds_life(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = Duration::from_secs(id), jitter = 0.0, skip(config), load_timeout = config.0)]
async fn life_from_arguments(config: &(u32,), id: u64) -> u64 {
    loaded();
    id + u64::from(config.0)
}

#[redis_cached(ttl = "1h30m", jitter = 0, prefix = "shop", name = "product")]
async fn named(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600, version = 1)]
async fn versioned(id: u64) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600, negative_ttl = 0)]
async fn no_absences(id: u64) -> Option<u64> {
    loaded();
    (id > 0).then_some(id)
}

#[redis_cached(ttl = 600, cache_if = |value: &Vec<u64>| !value.is_empty(), negative_ttl = "5s", lock = false, load_timeout = "5s")]
async fn wanted(n: usize) -> Vec<u64> {
    loaded();
    vec![1; n]
}

#[redis_cached(ttl = 600, cache_if = |value| value.len() > 1, lock = "5s")]
async fn inferred(n: usize) -> Result<Vec<u64>, Failure> {
    loaded();
    Ok(vec![1; n])
}

#[redis_cached(ttl = 600, cache_if = Vec::is_empty, lock = true)]
async fn by_path(n: usize) -> Option<Vec<u64>> {
    loaded();
    Some(vec![1; n])
}

#[redis_cached(ttl = 600, absent = |error| matches!(error, Failure::NotFound))]
async fn absent_by_closure(id: u64) -> Result<u64, Failure> {
    loaded();
    Err(if id == 0 { Failure::NotFound } else { Failure::Other })
}

#[redis_cached(ttl = 600, absent = is_not_found)]
async fn absent_by_path(id: u64) -> Result<u64, Failure> {
    loaded();
    Err(if id == 0 { Failure::NotFound } else { Failure::Other })
}

#[redis_cached(ttl = 600, absent = Failure::NotFound)]
async fn absent_unit(id: u64) -> Result<u64, Failure> {
    loaded();
    Err(if id == 0 { Failure::NotFound } else { Failure::Other })
}

#[redis_cached(ttl = 600, absent = Failure::Missing { what: "row" }, cache_if = |id| *id > 1)]
async fn absent_struct(id: u64) -> Result<u64, Failure> {
    loaded();
    if id == 0 { Err(Failure::Missing { what: "row" }) } else { Ok(id) }
}

#[redis_cached(ttl = 600, absent = Failure::Gone(1))]
async fn absent_tuple(id: u64) -> Result<Option<u64>, Failure> {
    loaded();
    if id == 0 { Err(Failure::Gone(1)) } else { Ok(None) }
}

#[redis_cached(ttl = 600, bypass = fresh)]
async fn bypass_parameter(id: u64, fresh: bool) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600, skip(headers), bypass = headers.contains(&"no-cache"))]
async fn bypass_expression(id: u64, headers: &[&str]) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600, skip(db), cache = db.cache)]
async fn own_cache(db: &Database, id: u64) -> u64 {
    loaded();
    id
}

struct Database {
    cache: Arc<Cache>,
    tenant: Tenant,
}

#[derive(Clone, Serialize, Deserialize)]
struct Tenant {
    id: u64,
}

impl Database {
    #[redis_cached(ttl = 600, key = "db:{self.tenant.id}:{name}:{id}", cache = self.cache)]
    async fn readable(&self, name: &str, id: &u64) -> u64 {
        loaded();
        *id + u64::try_from(name.len()).unwrap()
    }
}

#[redis_cached(ttl = 600, key = "pair:{pair.0}/{pair.1}:{small}:{flag}")]
async fn template(pair: (u64, i64), small: i8, flag: bool) -> i64 {
    loaded();
    pair.1 + i64::from(small) + i64::from(flag)
}

#[redis_cached(ttl = 600, key(tenant.id, name.to_lowercase()))]
async fn expressions(tenant: &Tenant, name: &str, other: u8) -> u64 {
    loaded();
    let _ = (name, other);
    tenant.id
}

#[test]
fn life() {
    run(async {
        assert_cached!(constant_life(7), 7);
        assert_cached!(seconds_life(7), 7);
        assert_cached!(named(7), 7);
        assert_cached!(life_from_arguments(&(5,), 100), 105);
        let near = |ttl: Option<Duration>, seconds: u64| {
            let ttl = ttl.unwrap();
            ttl <= Duration::from_secs(seconds) && ttl > Duration::from_secs(seconds - 5)
        };
        assert!(near(constant_life_entry(7).ttl().await.unwrap(), 300));
        assert!(near(seconds_life_entry(7).ttl().await.unwrap(), 300));
        assert!(near(life_from_arguments_entry(&(5,), 100).ttl().await.unwrap(), 100));
        assert!(near(named_entry(7).ttl().await.unwrap(), 5400));
    });
}

const MINUTE: Duration = Duration::from_secs(60);

#[redis_cached(ttl = 10, stale = MINUTE, stale_if_error = MINUTE * 2)]
async fn in_order(id: u64) -> Result<u64, String> {
    loaded();
    Ok(id)
}

#[redis_cached(ttl = 10, stale = MINUTE, stale_if_error = MINUTE)]
async fn contradictory(id: u64) -> Result<u64, String> {
    loaded();
    Ok(id)
}

#[test]
fn a_contradiction_that_comes_from_expressions_is_found_at_the_start() {
    run(async {
        assert!(in_order_entry(7).check().is_ok());
        assert_cached!(in_order(7), Ok(7));
        let error = contradictory_entry(7).check().unwrap_err();
        assert_eq!(error.kind(), cached_redis::ErrorKind::Policy);
        assert!(
            error.to_string().contains("`stale_if_error` is not longer than `stale`"),
            "{error}"
        );
        assert!(ask(contradictory(7)).await.1, "the function answers");
        assert!(ask(contradictory(7)).await.1, "but is not cached");
    });
}

#[test]
fn names_are_in_the_key() {
    run(async {
        assert!(named_entry(7).key().unwrap().contains("shop:product:{"));
        assert!(versioned_entry(7).key().unwrap().contains("cached-redis:versioned:{"));
        assert_cached!(versioned(7), 7);
        named_entry(8).put(9).await.unwrap();
        assert_eq!(ask(named(8)).await, (9, false));
    });
}

#[test]
fn what_is_kept() {
    run(async {
        assert!(ask(no_absences(0)).await.1);
        assert!(ask(no_absences(0)).await.1);
        assert_cached!(no_absences(1), Some(1));
        assert!(ask(wanted(0)).await.1);
        assert!(ask(wanted(0)).await.1);
        assert_cached!(wanted(1), [1]);
        assert!(ask(inferred(1)).await.1);
        assert!(ask(inferred(1)).await.1);
        assert_cached!(inferred(2), Ok(vec![1, 1]));
        assert!(ask(by_path(1)).await.1);
        assert!(ask(by_path(1)).await.1);
        assert_cached!(by_path(0), Some(vec![]));
    });
}

#[test]
fn errors_kept_as_absences() {
    run(async {
        assert_cached!(absent_by_closure(0), Err(Failure::NotFound));
        assert!(ask(absent_by_closure(1)).await.1);
        assert!(ask(absent_by_closure(1)).await.1);
        assert_cached!(absent_by_path(0), Err(Failure::NotFound));
        assert_cached!(absent_unit(0), Err(Failure::NotFound));
        assert_cached!(absent_struct(0), Err(Failure::Missing { what: "row" }));
        assert_cached!(absent_struct(2), Ok(2));
        assert!(ask(absent_struct(1)).await.1);
        assert!(ask(absent_struct(1)).await.1);
        assert_cached!(absent_tuple(0), Err(Failure::Gone(1)));
        // Another absence than the error: it must not come back as that.
        assert_eq!(ask(absent_tuple(1)).await, (Ok(None), true));
        assert_eq!(ask(absent_tuple(1)).await, (Ok(None), true));
    });
}

#[test]
fn bypasses() {
    run(async {
        assert_cached!(bypass_parameter(7, false), 7);
        assert!(ask(bypass_parameter(7, true)).await.1);
        bypass_parameter_invalidate(7).await.unwrap();
        assert_cached!(bypass_parameter(7, false), 7);
        assert_cached!(bypass_expression(7, &[]), 7);
        assert!(ask(bypass_expression(7, &["no-cache"])).await.1);
        assert!(!ask(bypass_expression(7, &["other"])).await.1);
        bypass_expression_invalidate(7).await.unwrap();
    });
}

#[test]
fn caches_of_their_own() {
    run(async {
        let database = || Database { cache: Arc::new(Cache::memory()), tenant: Tenant { id: 3 } };
        let (one, two) = (database(), database());
        assert_cached!(own_cache(&one, 7), 7);
        assert_cached!(own_cache(&two, 7), 7);
        own_cache_invalidate(&one, 7).await.unwrap();
        assert!(!ask(own_cache(&two, 7)).await.1);
        own_cache_invalidate_all(&two).await.unwrap();
        assert_cached!(own_cache(&two, 7), 7);
        assert_cached!(one.readable("a", &7), 8);
        assert_cached!(two.readable("a", &7), 8);
        two.readable_invalidate_all().await.unwrap();
        assert_cached!(two.readable("a", &7), 8);
        drop(is_send(own_cache(&one, 7)));
    });
}

#[test]
fn templates_are_readable_where_that_is_safe() {
    run(async {
        assert_cached!(template((1, -2), -3, true), -4);
        let entry = template_entry((1, -2), -3, true);
        assert!(entry.key().unwrap().contains("{pair:1/-2:-3:true#"), "{entry:?}");
        let database = Database { cache: Arc::new(Cache::memory()), tenant: Tenant { id: 3 } };
        let entry = database.readable_entry("a:b", &7);
        let key = entry.key().unwrap();
        assert!(key.contains("{db:3:") && key.contains(":7#") && !key.contains("a:b"), "{key}");
    });
}

#[test]
fn expressions_are_the_key() {
    run(async {
        let tenant = Tenant { id: 3 };
        assert_cached!(expressions(&tenant, "Ab", 1), 3);
        assert!(!ask(expressions(&tenant, "aB", 2)).await.1);
        expressions_invalidate(&tenant, "AB").await.unwrap();
        assert_cached!(expressions(&tenant, "Ab", 1), 3);
    });
}
