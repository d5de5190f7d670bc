use std::collections::HashMap;

use cached_redis::redis_cached;

type List = Vec<u64>;

#[redis_cached(ttl = 600, each(ids))]
async fn by_alias(ids: &[u64]) -> List {
    ids.to_vec()
}

#[redis_cached(ttl = 600, each(ids))]
async fn one(ids: &[u64]) -> Option<u64> {
    ids.first().copied()
}

#[redis_cached(ttl = 600, each(ids), key_of = |value| *value)]
async fn map(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[redis_cached(ttl = 600, each(ids))]
async fn other_keys(ids: &[u64]) -> HashMap<i8, u64> {
    ids.iter().map(|id| (7, *id)).collect()
}

fn main() {}
