//! Shapes that are rare, and work all the same.

use std::borrow::Cow;
use std::pin::Pin;

use cached_redis::{invalidates, redis_cached, updates};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, run};

#[redis_cached(ttl = 600)]
async fn borrowed_or_owned(name: Cow<'_, str>, rest: &[&str]) -> usize {
    loaded();
    name.len() + rest.len()
}

#[redis_cached(ttl = 600, skip(show, dynamic))]
async fn pointers(show: fn(u64) -> String, dynamic: &(dyn Fn() -> u64 + Sync), id: u64) -> String {
    loaded();
    show(id + dynamic())
}

#[redis_cached(ttl = 600)]
async fn factorial(n: u64) -> u64 {
    loaded();
    if n < 2 {
        return 1;
    }
    n * Box::pin(factorial(n - 1)).await
}

#[redis_cached(ttl = 600, key(ids.iter().map(|id| id + offset).collect::<Vec<_>>(), if *deep { 1 } else { 2 }))]
async fn computed_key(ids: &[u64], offset: u64, deep: &bool, other: u8) -> u64 {
    loaded();
    let _ = (deep, other);
    ids.iter().sum::<u64>() + offset
}

#[redis_cached(ttl = 600)]
async fn array_of<T, const N: usize>(items: [T; N]) -> Vec<T>
where
    T: Serialize + DeserializeOwned,
    [T; N]: Serialize,
{
    loaded();
    items.into()
}

#[redis_cached(ttl = 600)]
async fn boxed_into_a_trait_object(
    id: u64,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    loaded();
    if id == 0 {
        return Err(Box::new(std::fmt::Error));
    }
    "7".parse::<u64>().map_err(Into::into)
}

struct Repo {
    names: Vec<String>,
}

impl Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn pinned(self: Pin<&mut Self>, id: u64) -> u64 {
        loaded();
        id
    }

    #[redis_cached(ttl = 600, key(self.names.len()))]
    async fn boxed(self: Box<Self>) -> usize {
        loaded();
        self.names.len()
    }

    #[redis_cached(ttl = 600, key = "{self.names}")]
    async fn hashed(&self) -> usize {
        loaded();
        self.names.len()
    }

    #[invalidates(self.hashed())]
    async fn shared_reference(&self) -> Option<&String> {
        self.names.first()
    }

    #[invalidates(self.hashed())]
    async fn mutable_reference(&mut self) -> Result<&mut String, std::fmt::Error> {
        self.names.first_mut().ok_or(std::fmt::Error)
    }
}

#[invalidates(factorial(id))]
async fn borrowed_result<'a>(id: u64, names: &'a [String]) -> Result<&'a str, std::fmt::Error> {
    let _ = id;
    Ok(&names[0])
}

#[invalidates(array_of::<u8, 2>([1, 2]), factorial(T::default().into()))]
async fn generic<T: Default + Into<u64>>(value: T) -> Option<T> {
    Some(value)
}

#[test]
fn odd_shapes() {
    run(async {
        assert_cached!(borrowed_or_owned("a".into(), &["b"]), 2);
        assert!(!ask(borrowed_or_owned(Cow::Owned("a".to_owned()), &["b"])).await.1);
        assert_cached!(pointers(|id| id.to_string(), &|| 1, 7), "8");
        pointers_invalidate(7).await.unwrap();
        assert_cached!(factorial(5), 120);
        assert!(!ask(factorial(4)).await.1);
        assert_cached!(computed_key(&[1, 2], 1, &true, 0), 4);
        assert!(!ask(computed_key(&[1, 2], 1, &true, 1)).await.1);
        computed_key_invalidate(&[0, 1], 2, &true).await.unwrap();
        assert_cached!(computed_key(&[1, 2], 1, &true, 1), 4);
        assert_cached!(array_of([1_u8, 2]), [1, 2]);
        generic(1_u8).await;
        assert_cached!(array_of([1_u8, 2]), [1, 2]);
        assert_cached!(async { boxed_into_a_trait_object(7).await.unwrap() }, 7);
        drop(is_send(factorial(3)));
        drop(is_send(boxed_into_a_trait_object(3)));
    });
}

#[test]
fn odd_receivers() {
    run(async {
        let mut repo = Repo { names: vec!["a".to_owned()] };
        assert_cached!(Pin::new(&mut repo).pinned(7), 7);
        repo.pinned_invalidate(7).await.unwrap();
        assert_cached!(Box::new(Repo { names: vec![] }).boxed(), 0);
        assert_cached!(repo.hashed(), 1);
        assert_eq!(repo.shared_reference().await.unwrap(), "a");
        assert_cached!(repo.hashed(), 1);
        repo.mutable_reference().await.unwrap().push('b');
        assert_cached!(repo.hashed(), 1);
        assert_eq!(borrowed_result(7, &repo.names).await, Ok("ab"));
    });
}

#[derive(Debug, PartialEq)]
enum Refusal {
    Odd,
}

/// What a macro's pattern has matched comes in a group that is not written.
macro_rules! cached_and_invalidated {
    ($get:ident, $set:ident, $call:expr, $target:path, $cache_if:expr, $absent:expr) => {
        #[redis_cached(ttl = 600, cache_if = $cache_if, absent = $absent)]
        async fn $get(id: u64) -> Result<u64, Refusal> {
            loaded();
            if id % 2 == 1 { Err(Refusal::Odd) } else { Ok(id) }
        }

        #[invalidates($call, $target(4))]
        async fn $set() {}
    };
}

cached_and_invalidated!(even, set_even, even(2), self::even, |id| *id < 10, Refusal::Odd);

#[test]
fn options_and_targets_that_a_macro_was_given() {
    run(async {
        for id in [2, 4] {
            assert_cached!(even(id), Ok(id));
        }
        assert_cached!(even(3), Err(Refusal::Odd));
        assert!(!ask(async { even(12).await.is_ok() && even(12).await.is_err() }).await.0);
        set_even().await;
        for id in [2, 4] {
            assert_cached!(even(id), Ok(id));
        }
    });
}

macro_rules! values_and_types {
    ($fresh:ident, $id:ident: $ty:ty, $repo:ty, $facade:path, $zero:expr, $one:expr, $skip:expr, $bypass:expr) => {
        #[redis_cached(ttl = 600, crate = $facade, jitter = $zero, early = $one, skip($skip), bypass = $bypass)]
        async fn given(db: (), $fresh: bool, $id: $ty) -> $ty {
            loaded();
            let () = db;
            $id
        }

        #[redis_cached]
        impl Find for $repo {
            #[redis_cached(ttl = 600, skip($skip, self))]
            async fn find(&self, db: (), $id: $ty) -> $ty {
                loaded();
                let () = db;
                $id
            }
        }
    };
}

trait Find {
    async fn find(&self, db: (), id: u64) -> u64;
}

values_and_types!(fresh, id: u64, Repo, cached_redis, 0, 1, db, fresh);

#[redis_cached(ttl = 600)]
async fn length(name: &str, times: usize) -> usize {
    loaded();
    name.len() * times
}

macro_rules! arguments_and_values {
    ($name:ident, $all:expr, $argument:expr, $value:expr) => {
        #[invalidates(length($all))]
        async fn forget() {}

        #[invalidates(length($argument, ret))]
        async fn rename($name: String) -> usize {
            std::mem::drop($name);
            2
        }

        #[updates(length("a", 2) = $value)]
        async fn measure() -> usize {
            20
        }
    };
}

arguments_and_values!(name, .., &name, ret);

#[test]
fn values_that_a_macro_was_given() {
    run(async {
        assert_cached!(given((), false, 7), 7);
        assert!(ask(given((), true, 7)).await.1);
        given_invalidate(7).await.unwrap();
        assert_cached!(given((), false, 7), 7);
        assert_cached!(Repo { names: vec![] }.find((), 7), 7);
        assert_cached!(length("a", 2), 2);
        forget().await;
        assert_cached!(length("a", 2), 2);
        rename("a".to_owned()).await;
        assert_cached!(length("a", 2), 2);
        measure().await;
        assert_eq!(ask(length("a", 2)).await, (20, false));
    });
}
