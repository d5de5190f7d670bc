//! Functions whose body may run in the background own what they borrow.

use std::fmt::Display;
use std::sync::Arc;

use cached_redis::{Absent, redis_cached};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::assert_cached;
use crate::support::{is_send, loaded, run};

#[derive(Debug, PartialEq)]
enum Failure {
    NotFound,
}

impl From<Absent> for Failure {
    fn from(_: Absent) -> Self {
        Self::NotFound
    }
}

#[derive(Clone)]
struct Pool {
    offset: u64,
}

#[redis_cached(ttl = 600, stale = "5m", skip(db))]
async fn by_reference(db: &Pool, id: u64) -> Result<Option<u64>, Failure> {
    loaded();
    Ok(Some(id + db.offset))
}

#[redis_cached(ttl = 600, early = 0.5)]
async fn unsized_references(name: &str, ids: &[u64]) -> usize {
    loaded();
    name.len() + ids.len()
}

#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = "1s", absent = Failure::NotFound)]
async fn by_value(name: String, ids: Vec<u64>) -> Result<usize, Failure> {
    loaded();
    drop(ids);
    Some(name).filter(|name| !name.is_empty()).map(|name| name.len()).ok_or(Failure::NotFound)
}

#[redis_cached(ttl = 600, stale = "5m", early = false, stale_if_error = "1h")]
async fn without_arguments() -> u64 {
    loaded();
    7
}

#[redis_cached(ttl = 600, stale = "5m")]
async fn mutable_bindings(mut name: &str, mut id: u64, mut list: Vec<u64>) -> usize {
    loaded();
    name = name.trim();
    id += 1;
    list.push(id);
    name.len() + list.len()
}

#[redis_cached(ttl = 600, stale = "5m")]
#[allow(clippy::many_single_char_names)]
async fn patterns((a, b): (u64, u64), &c: &u64, (d, e): &(u64, String), [f, ..]: [u64; 2]) -> u64 {
    loaded();
    a + b + c + d + e.len() as u64 + f
}

#[redis_cached(ttl = 600, stale = "5m", skip(_db))]
async fn unused(_db: &Unclonable, #[cache(skip)] _: &Unclonable, _id: &str) -> u64 {
    loaded();
    7
}

/// Neither `Clone` nor anything else, but the body does without.
struct Unclonable;

#[redis_cached(ttl = 600, stale = "5m", skip(counter))]
#[allow(clippy::used_underscore_binding)]
async fn underscored(_id: &u64, counter: &'static str) -> u64 {
    loaded();
    *_id + counter.len() as u64
}

#[redis_cached(ttl = 600, stale = "5m", skip(show, find))]
async fn impl_traits(
    name: impl Into<String> + Serialize + Send + 'static,
    show: &(impl Display + Clone + Send + 'static),
    find: impl Fn(&str) -> usize + Send + 'static,
) -> usize {
    loaded();
    find(&name.into()) + show.to_string().len()
}

#[redis_cached(ttl = 600, stale = "5m", key(value, list.as_slice()))]
async fn generic<T, const N: usize>(value: &T, list: [u64; N]) -> Option<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    loaded();
    (N == list.len()).then(|| value.clone())
}

#[redis_cached(ttl = 600, stale = "5m")]
async fn lifetimes<'a>(a: &'a str, b: &'a str) -> usize {
    loaded();
    a.len().max(b.len())
}

/// Names that generated code could have.
#[redis_cached(ttl = 600, stale = "5m")]
async fn taken_names(key: &str, call: &str, r#type: &str, kept: &u64, lend: &u64) -> u64 {
    loaded();
    (key.len() + call.len() + r#type.len()) as u64 + kept + lend
}

macro_rules! by_macro {
    ($name:ident, $argument:ident: $type:ty, $body:expr) => {
        #[redis_cached(ttl = 600, stale = "5m")]
        async fn $name($argument: $type) -> usize {
            loaded();
            $body
        }
    };
}
by_macro!(made, name: &str, name.len());

#[derive(Clone)]
struct Repo {
    tenant: String,
}

impl Repo {
    #[redis_cached(ttl = 600, stale = "5m", key(self.tenant, id))]
    async fn get(&self, id: u64) -> String {
        loaded();
        let closure = || format!("{self}{}", self.tenant);
        struct Inner;
        impl Inner {
            fn get(&self) -> &Self {
                self
            }
        }
        let _ = Inner.get();
        format!("{}:{id}:{}", closure(), Self::suffix(self))
    }

    fn suffix(&self) -> usize {
        self.tenant.len()
    }

    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn counted(self: Arc<Self>, id: u64) -> u64 {
        loaded();
        id + self.tenant.len() as u64
    }

    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn counted_reference(self: &Arc<Self>, id: u64) -> u64 {
        loaded();
        id + Arc::clone(self).tenant.len() as u64
    }

    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn by_mutable_value(mut self, id: u64) -> String {
        loaded();
        self.tenant.push('!');
        self.tenant + &id.to_string()
    }

    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn without_self(&self, id: u64) -> u64 {
        loaded();
        id
    }
}

impl Display for Repo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.tenant)
    }
}

trait Find {
    type Id;
    async fn find(&self, id: &Self::Id) -> Option<u64>;
}

#[redis_cached]
impl Find for Repo {
    type Id = u64;

    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn find(&self, id: &Self::Id) -> Option<u64> {
        loaded();
        Some(id + self.tenant.len() as u64)
    }
}

#[async_trait::async_trait]
trait Store: Send + Sync {
    async fn load(&self, id: &str) -> Result<Option<String>, Failure>;
}

#[redis_cached]
#[async_trait::async_trait]
impl Store for Repo {
    #[redis_cached(ttl = 600, stale = "5m", key(self.tenant, id))]
    async fn load(&self, id: &str) -> Result<Option<String>, Failure> {
        loaded();
        Ok(Some(format!("{}{id}", self.tenant)))
    }
}

#[test]
fn arguments() {
    run(async {
        let db = Pool { offset: 1 };
        assert_cached!(by_reference(&db, 7), Ok(Some(8)));
        assert_cached!(unsized_references("ab", &[1]), 3);
        assert_cached!(by_value("ab".to_owned(), vec![1]), Ok(2));
        assert_cached!(by_value(String::new(), vec![1]), Err(Failure::NotFound));
        assert_cached!(without_arguments(), 7);
        assert_cached!(mutable_bindings(" ab ", 1, vec![]), 3);
        assert_cached!(patterns((1, 2), &3, &(4, "a".to_owned()), [5, 6]), 16);
        assert_cached!(unused(&Unclonable, &Unclonable, "a"), 7);
        assert_cached!(underscored(&7, "a"), 8);
        assert_cached!(taken_names("a", "b", "c", &1, &2), 6);
        assert_cached!(made("ab"), 2);
        drop(is_send(by_reference(&db, 7)));
        drop(is_send(unsized_references("ab", &[1])));
    });
}

#[test]
fn generics() {
    run(async {
        assert_cached!(impl_traits("ab", &1, str::len), 3);
        assert_cached!(generic(&7_u64, [1]), Some(7));
        assert_cached!(generic(&"a".to_owned(), [1, 2]), Some("a".to_owned()));
        assert_cached!(lifetimes("a", "ab"), 2);
        drop(is_send(generic(&7_u64, [1])));
    });
}

#[test]
fn methods() {
    run(async {
        let repo = Repo { tenant: "a".to_owned() };
        let shared = Arc::new(repo.clone());
        assert_cached!(repo.get(7), "aa:7:1");
        assert_cached!(Arc::clone(&shared).counted(7), 8);
        assert_cached!(shared.counted_reference(7), 8);
        assert_cached!(repo.clone().by_mutable_value(7), "a!7");
        assert_cached!(repo.without_self(7), 7);
        assert_cached!(repo.find(&7), Some(8));
        let store: &dyn Store = &repo;
        assert_cached!(store.load("7"), Ok(Some("a7".to_owned())));
        drop(is_send(repo.get(7)));
        drop(is_send(store.load("7")));
    });
}

mod recursive {
    //! A function that calls itself does so by way of a `fn` whose future is known to be `Send`.

    use std::pin::Pin;

    use cached_redis::redis_cached;

    use crate::support::{loads, run};

    #[redis_cached(ttl = 600, stale = "5m")]
    async fn factorial(n: u64) -> u64 {
        super::loaded();
        if n == 0 { 1 } else { n * factorial_boxed(n - 1).await }
    }

    fn factorial_boxed(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(factorial(n))
    }

    #[test]
    fn each_step_is_cached() {
        run(async {
            assert_eq!((factorial(3).await, loads()), (6, 4));
            assert_eq!((factorial(5).await, loads()), (120, 2));
        });
    }
}

#[deny(
    clippy::pedantic,
    clippy::shadow_unrelated,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::pattern_type_mismatch
)]
mod linted {
    //! A parameter that is bound again is nothing that a user could avoid.

    use cached_redis::{redis_cached, updates};

    use super::Pool;

    #[redis_cached(ttl = 600, stale = "5m", skip(db), tags = ["name:{name}"])]
    async fn get(db: &Pool, name: &str, (id, _kind): (u64, u64)) -> u64 {
        super::loaded();
        db.offset + id + name.len() as u64
    }

    #[updates(get("a", (id, 0)) = id)]
    async fn put(id: u64) -> Result<(), std::io::Error> {
        let _ = id;
        Ok(())
    }

    #[test]
    fn parameters_are_bound_again() {
        crate::support::run(async {
            put(7).await.unwrap();
            assert_eq!(get(&Pool { offset: 1 }, "a", (7, 0)).await, 7);
        });
    }
}
