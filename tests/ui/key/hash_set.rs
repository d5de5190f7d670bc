use std::collections::HashSet;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(ids: HashSet<u64>) -> u64 {
    ids.len() as u64
}

#[redis_cached(ttl = 600, key(&ids))]
async fn by_key(ids: std::collections::HashSet<u64>, page: u64) -> u64 {
    ids.len() as u64 + page
}

#[redis_cached(ttl = 600, key = "sum:{ids}")]
async fn by_template(ids: HashSet<u64>) -> u64 {
    ids.len() as u64
}

fn main() {}
