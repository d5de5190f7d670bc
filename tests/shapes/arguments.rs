//! Kinds of parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

use crate::assert_cached;
use crate::support::{ask, is_send, loaded, run};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

/// Not part of any key.
struct Pool;

#[redis_cached(ttl = 600)]
async fn text(name: &str) -> String {
    loaded();
    name.to_owned()
}

#[redis_cached(ttl = 600)]
async fn optional(point: Option<&Point>) -> i32 {
    loaded();
    point.map_or(0, |point| point.x)
}

#[redis_cached(ttl = 600)]
async fn slice(ids: &[u64], tags: &Vec<&str>) -> usize {
    loaded();
    ids.len() + tags.len()
}

#[redis_cached(ttl = 600)]
async fn tuple(pair: (u64, &str), array: [u8; 3]) -> String {
    loaded();
    format!("{}{}{array:?}", pair.0, pair.1)
}

#[redis_cached(ttl = 600)]
async fn map(map: &BTreeMap<String, u8>) -> usize {
    loaded();
    map.len()
}

#[redis_cached(ttl = 600)]
async fn consumed(name: String, ids: Vec<u64>) -> String {
    loaded();
    let ids: u64 = ids.into_iter().sum();
    name + &ids.to_string()
}

#[redis_cached(ttl = 600)]
async fn patterns((a, mut b): (u64, u64), Point { x, y: _ }: Point, &z: &i32, _: bool) -> i64 {
    loaded();
    b += 1;
    i64::try_from(a * 10 + b).unwrap() + i64::from(x + z)
}

#[redis_cached(ttl = 600)]
async fn bound(whole @ Point { x, .. }: Point, ref count: u8) -> i32 {
    loaded();
    whole.y + x + i32::from(*count)
}

#[redis_cached(ttl = 600, key(b, point_x, u64::from(*c)))]
async fn parts_of_patterns(
    (_a, mut b): (u64, u64),
    Point { x: point_x, .. }: Point,
    [c, _]: [u8; 2],
) -> u64 {
    loaded();
    b += 1;
    b + u64::from(c) + u64::try_from(point_x).unwrap()
}

#[redis_cached(ttl = 600)]
async fn mutable(mut ids: Vec<u64>, mut total: u64) -> u64 {
    loaded();
    ids.push(1);
    total += ids.iter().sum::<u64>();
    total
}

#[redis_cached(ttl = 600, skip(_pool, counter))]
async fn skipped(_pool: &Pool, id: u64, counter: &mut u32) -> u64 {
    loaded();
    *counter += 1;
    id
}

#[redis_cached(ttl = 600)]
async fn skipped_on_the_parameter(
    #[cache(skip)] _pool: Arc<Pool>,
    id: u64,
    #[cache(skip)] _: u8,
) -> u64 {
    loaded();
    id
}

#[redis_cached(ttl = 600, skip(_pool))]
async fn everything_skipped(_pool: &Pool) -> u8 {
    loaded();
    1
}

#[redis_cached(ttl = 600)]
async fn none() -> u8 {
    loaded();
    2
}

#[test]
fn borrowed_arguments() {
    run(async {
        assert_cached!(text("a"), "a");
        assert_cached!(text(&String::from("b")), "b");
        let point = Point { x: 4, y: 5 };
        assert_cached!(optional(None), 0);
        assert_cached!(optional(Some(&point)), 4);
        assert_cached!(slice(&[1, 2], &vec!["a"]), 3);
        assert_cached!(slice(&[1], &vec!["a", "b"]), 3);
        assert_cached!(tuple((1, "a"), [1, 2, 3]), "1a[1, 2, 3]");
        assert_cached!(map(&BTreeMap::from([("a".to_owned(), 1)])), 1);
        assert_cached!(map(&BTreeMap::from([("a".to_owned(), 2)])), 1);
    });
}

#[test]
fn consumed_and_mutable_arguments() {
    run(async {
        assert_cached!(consumed("a".to_owned(), vec![1, 2]), "a3");
        assert_cached!(mutable(vec![1], 3), 5);
        assert_cached!(mutable(vec![1], 4), 6);
    });
}

#[test]
fn patterns_are_part_of_the_key_as_a_whole() {
    run(async {
        assert_cached!(patterns((1, 2), Point { x: 3, y: 4 }, &5, true), 21);
        assert_cached!(patterns((1, 2), Point { x: 3, y: 5 }, &5, true), 21);
        assert_cached!(patterns((1, 2), Point { x: 3, y: 5 }, &5, false), 21);
        patterns_invalidate((1, 2), Point { x: 3, y: 5 }, &5, false).await.unwrap();
        assert_cached!(patterns((1, 2), Point { x: 3, y: 5 }, &5, false), 21);
        assert_cached!(bound(Point { x: 1, y: 2 }, 3), 6);
    });
}

#[test]
fn parts_of_patterns_can_be_the_key() {
    run(async {
        assert_cached!(parts_of_patterns((1, 2), Point { x: 3, y: 4 }, [5, 6]), 11);
        let (_, ran) = ask(parts_of_patterns((9, 2), Point { x: 3, y: 9 }, [5, 9])).await;
        assert!(!ran);
        parts_of_patterns_invalidate((0, 2), Point { x: 3, y: 0 }, [5, 0]).await.unwrap();
        assert_cached!(parts_of_patterns((1, 2), Point { x: 3, y: 4 }, [5, 6]), 11);
    });
}

#[test]
fn skipped_arguments() {
    run(async {
        let mut counter = 0;
        assert_cached!(skipped(&Pool, 7, &mut counter), 7);
        assert_eq!(counter, 1);
        skipped_invalidate(7).await.unwrap();
        assert_cached!(skipped(&Pool, 7, &mut counter), 7);
        assert_cached!(skipped_on_the_parameter(Arc::new(Pool), 7, 1), 7);
        let (_, ran) = ask(skipped_on_the_parameter(Arc::new(Pool), 7, 2)).await;
        assert!(!ran);
        skipped_on_the_parameter_entry(7).invalidate().await.unwrap();
        assert_cached!(everything_skipped(&Pool), 1);
        everything_skipped_invalidate().await.unwrap();
        assert_cached!(none(), 2);
    });
}

#[test]
fn futures_are_send() {
    let point = Point { x: 1, y: 1 };
    drop(is_send(text("a")));
    drop(is_send(optional(Some(&point))));
    drop(is_send(slice(&[1], &vec!["a"])));
    drop(is_send(consumed(String::new(), vec![])));
    drop(is_send(patterns((1, 2), point, &5, true)));
    drop(is_send(text_invalidate("a")));
    drop(is_send(text_invalidate_all()));
    drop(is_send(async { text_entry("a").invalidate().await }));
}
