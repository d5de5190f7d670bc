use cached_redis::redis_cached;

#[redis_cached(ttl = 600, key(id.checked_add(1)?))]
async fn get(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
