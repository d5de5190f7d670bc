use std::collections::HashSet;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(ids: &HashSet<u64>) -> u64 {
    ids.len() as u64
}

#[redis_cached(ttl = 600)]
async fn nested(
    optional: Option<&HashSet<u64>>,
    (several, _): (&[HashSet<String>], u64),
    vector: Vec<HashSet<u64>>,
) -> usize {
    let _ = (optional, vector);
    several.len()
}

fn main() {}
