use std::collections::HashMap;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600, each(id))]
async fn one(id: u64) -> HashMap<u64, u64> {
    HashMap::from([(id, id)])
}

fn main() {}
