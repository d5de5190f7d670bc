use std::collections::HashMap;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn product(tenant: u64, id: u64) -> Option<u64> {
    Some(tenant + id)
}

#[redis_cached(ttl = 600)]
async fn named(name: String) -> Option<usize> {
    Some(name.len())
}

#[redis_cached(each(ids), of = product)]
async fn too_few(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[redis_cached(each(ids), of = named)]
async fn other_ids(ids: &[u64]) -> HashMap<u64, usize> {
    ids.iter().map(|id| (*id, 1)).collect()
}

#[redis_cached(each(names), of = named)]
async fn other_values(names: &[String]) -> HashMap<String, String> {
    names.iter().map(|name| (name.clone(), name.clone())).collect()
}

#[redis_cached(each(ids), of = missing)]
async fn of_nothing(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

fn main() {}
