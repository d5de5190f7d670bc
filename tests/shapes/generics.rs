//! Generic functions and blocks.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use cached_redis::redis_cached;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, run};

trait Source {
    const NAME: &'static str;
    type Id: Serialize + Display;
}

struct Numbers;
struct Words;

impl Source for Numbers {
    const NAME: &'static str = "numbers";
    type Id = u64;
}

impl Source for Words {
    const NAME: &'static str = "words";
    type Id = String;
}

#[redis_cached(ttl = 600)]
async fn parse<T>(text: &str) -> Option<T>
where
    T: std::str::FromStr + Serialize + DeserializeOwned,
{
    loaded();
    text.parse().ok()
}

#[redis_cached(ttl = 600)]
async fn named<S: Source>() -> String {
    loaded();
    S::NAME.to_owned()
}

#[redis_cached(ttl = 600, skip(_source))]
async fn from_source<S, D>(_source: &S, id: S::Id, _depth: D) -> String
where
    S: Source,
    D: Serialize + Debug,
{
    loaded();
    format!("{}{id}", S::NAME)
}

#[redis_cached(ttl = 600, skip(_source, convert))]
async fn without_the_skipped<S, F, T>(_source: &S, convert: F, id: T) -> String
where
    S: Source,
    F: Fn(T) -> String,
    T: Serialize,
    S::Id: Clone,
{
    loaded();
    convert(id)
}

/// Told apart by a type that only a parameter outside of the key mentions.
#[redis_cached(
    ttl = S::NAME.len() as u64, key(S::NAME, id), cache_if = |text: &String| text.starts_with(S::NAME),
)]
async fn by_source<S: Source, D>(_source: &S, _depth: D, id: u64) -> String {
    loaded();
    format!("{}{id}", S::NAME)
}

#[redis_cached(ttl = 600)]
async fn sized<const N: usize, const LOUD: bool>(items: [u8; N]) -> String
where
    [u8; N]: Serialize,
{
    loaded();
    format!("{}{}", items.len(), if LOUD { "!" } else { "" })
}

#[redis_cached(ttl = 600, key = "many:{id}")]
async fn many<const N: usize>(id: u64) -> Vec<u64> {
    loaded();
    vec![id; N]
}

#[redis_cached(ttl = 600)]
async fn lifetimes<'a, 'b: 'a>(one: &'a str, two: &'b [&'a str]) -> usize {
    loaded();
    one.len() + two.len()
}

#[redis_cached(ttl = 600, skip(_pool))]
async fn skipped_lifetime<'p, 'a>(_pool: &'p Words, one: &'a str) -> usize {
    loaded();
    one.len()
}

#[redis_cached(ttl = 600)]
async fn anything(value: impl Serialize + Debug, other: &impl Serialize) -> String {
    loaded();
    let _ = other;
    format!("{value:?}")
}

#[redis_cached(ttl = 600, skip(show))]
async fn skipped_impl_trait(show: impl Fn(u64) -> String, id: u64) -> String {
    loaded();
    show(id)
}

struct Shelf<T>(PhantomData<T>);

impl<T> Shelf<T>
where
    T: Default + Serialize + DeserializeOwned,
{
    fn new() -> Self {
        Self(PhantomData)
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn get(&self, id: u64) -> (u64, T) {
        loaded();
        (id, T::default())
    }

    #[redis_cached(ttl = 600)]
    async fn first(id: u64) -> Option<T> {
        loaded();
        (id > 0).then(T::default)
    }

    #[redis_cached(ttl = 600, skip(self))]
    async fn with<U>(&self, other: U) -> String
    where
        U: Serialize + Debug,
    {
        loaded();
        format!("{other:?}")
    }
}

struct View<'a, const N: usize> {
    text: &'a str,
}

impl<'a, const N: usize> View<'a, N> {
    #[redis_cached(ttl = 600, key(self.text, id))]
    async fn get(&self, id: u64) -> usize {
        loaded();
        self.text.len() + N + usize::try_from(id).unwrap()
    }
}

#[test]
fn types_are_part_of_the_identity() {
    run(async {
        assert_cached!(parse::<u8>("7"), Some(7));
        assert_cached!(parse::<u16>("7"), Some(7));
        parse_invalidate::<u8>("7").await.unwrap();
        assert!(!ask(parse::<u16>("7")).await.1);
        assert_cached!(parse::<u8>("7"), Some(7));
        parse_invalidate_all().await.unwrap();
        assert_cached!(parse::<u16>("7"), Some(7));
        assert_cached!(named::<Numbers>(), "numbers");
        assert_cached!(named::<Words>(), "words");
        named_invalidate::<Words>().await.unwrap();
        assert_cached!(from_source(&Numbers, 7, 1_u8), "numbers7");
        assert_cached!(from_source(&Numbers, 7, 1_u16), "numbers7");
        assert_cached!(from_source(&Words, "7".to_owned(), 1_u8), "words7");
    });
}

#[test]
fn types_of_skipped_arguments_are_not() {
    run(async {
        assert_cached!(without_the_skipped(&Numbers, |id: u8| id.to_string(), 7_u8), "7");
        without_the_skipped_invalidate(7_u8).await.unwrap();
        assert_cached!(without_the_skipped(&Numbers, |id: u8| id.to_string(), 7_u8), "7");
        assert_cached!(without_the_skipped(&Numbers, |id: u16| id.to_string(), 7_u16), "7");
        assert!(!ask(without_the_skipped(&Numbers, |_| String::new(), 7_u16)).await.1);
        assert_cached!(skipped_impl_trait(|id| id.to_string(), 7), "7");
        skipped_impl_trait_invalidate(7).await.unwrap();
    });
}

#[test]
fn types_that_options_mention_are() {
    run(async {
        assert_cached!(by_source(&Numbers, 1_u8, 7), "numbers7");
        assert_cached!(by_source(&Words, 1_u8, 7), "words7");
        by_source_invalidate::<Words>(7).await.unwrap();
        assert!(!ask(by_source(&Numbers, 1_u16, 7)).await.1);
        assert_cached!(by_source(&Words, 1_u8, 7), "words7");
    });
}

#[test]
fn constants_are_part_of_the_identity() {
    run(async {
        assert_cached!(sized::<2, true>([1, 2]), "2!");
        assert_cached!(sized::<2, false>([1, 2]), "2");
        sized_invalidate::<2, false>([1, 2]).await.unwrap();
        assert!(!ask(sized::<2, true>([1, 2])).await.1);
        assert_cached!(many::<2>(7), [7, 7]);
        assert_cached!(many::<3>(7), [7, 7, 7]);
        many_invalidate::<3>(7).await.unwrap();
        assert_cached!(many::<3>(7), [7, 7, 7]);
    });
}

#[test]
fn impl_trait_arguments_are_told_apart_by_type() {
    run(async {
        assert_cached!(anything(7_u8, &1_u8), "7");
        assert_cached!(anything(7_u16, &1_u8), "7");
        assert_cached!(anything(7_u16, &1_u16), "7");
        anything_invalidate(7_u8, &1_u8).await.unwrap();
        assert!(!ask(anything(7_u16, &1_u8)).await.1);
        assert_cached!(anything(7_u8, &1_u8), "7");
    });
}

#[test]
fn lifetimes_are_kept() {
    run(async {
        assert_cached!(lifetimes("a", &["b"]), 2);
        lifetimes_invalidate("a", &["b"]).await.unwrap();
        assert_cached!(lifetimes("a", &["b"]), 2);
        assert_cached!(skipped_lifetime(&Words, "b"), 1);
        skipped_lifetime_entry("b").invalidate().await.unwrap();
        drop(is_send(lifetimes("a", &["b"])));
    });
}

#[test]
fn generic_blocks() {
    run(async {
        assert_cached!(Shelf::<u8>::new().get(7), (7, 0));
        assert_cached!(Shelf::<u16>::new().get(7), (7, 0));
        Shelf::<u8>::new().get_invalidate(7).await.unwrap();
        assert!(!ask(Shelf::<u16>::new().get(7)).await.1);
        assert_cached!(Shelf::<u8>::new().get(7), (7, 0));
        assert_cached!(Shelf::<u8>::first(7), Some(0));
        assert_cached!(Shelf::<u16>::first(7), Some(0));
        Shelf::<u16>::first_entry(7).invalidate().await.unwrap();
        assert_cached!(Shelf::<u16>::first(7), Some(0));
        assert_cached!(Shelf::<u16>::new().with("a"), "\"a\"");
        assert_cached!(Shelf::<u8>::new().with("a"), "\"a\"");
        assert_cached!(Shelf::<u8>::new().with("a".to_owned()), "\"a\"");
        assert_cached!(View::<1> { text: "a" }.get(7), 9);
        assert_cached!(View::<2> { text: "a" }.get(7), 10);
        View::<1> { text: "a" }.get_invalidate(7).await.unwrap();
        assert!(!ask(View::<2> { text: "a" }.get(7)).await.1);
    });
}

/// Whose signature does not say what it returns.
#[redis_cached(ttl = 600, skip(load))]
async fn whatever<T, F>(id: u64, load: F) -> T
where
    T: Serialize + DeserializeOwned,
    F: AsyncFnOnce(u64) -> T,
{
    loaded();
    load(id).await
}

#[test]
fn a_generic_result_or_option_is_not_taken_for_a_value() {
    run(async {
        assert_cached!(whatever(7, async |id: u64| id), 7);
        assert_cached!(whatever(7, async |id: u64| vec![Some(id)]), [Some(7)]);
        for _ in 0..2 {
            let down = async |_: u64| Err::<u64, String>("down".to_owned());
            assert_eq!(ask(whatever(7, down)).await, (Err("down".to_owned()), true));
            assert_eq!(ask(whatever(7, async |_: u64| None::<u64>)).await, (None, true));
        }
    });
}

struct Loader<F>(F);

impl<F: Fn(u64) -> u64> Loader<F> {
    #[redis_cached(ttl = 600, skip(self))]
    async fn load(&self, id: u64) -> u64 {
        loaded();
        (self.0)(id)
    }

    #[redis_cached(ttl = 600, skip(self), key = "one:{id}")]
    async fn load_one(&self, id: u64) -> u64 {
        loaded();
        (self.0)(id)
    }
}

#[test]
fn closures_do_not_share_entries() {
    run(async {
        let (one, other) = (Loader(|id| id + 1), Loader(|id| id + 1000));
        for _ in 0..2 {
            assert_eq!(ask(one.load(1)).await, (2, true));
            assert_eq!(ask(other.load(1)).await, (1001, true));
            assert_eq!(ask(one.load_one(1)).await, (2, true));
            assert_eq!(ask(other.load_one(1)).await, (1001, true));
        }
        let error = one.load_entry(1).check().expect_err("no key");
        assert!(error.to_string().contains("closure"), "{error}");
        let twice: fn(u64) -> u64 = |id| 2 * id;
        assert_cached!(Loader(twice).load(1), 2);
    });
}
