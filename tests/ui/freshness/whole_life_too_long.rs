use cached_redis::redis_cached;

#[redis_cached(ttl = "20d", stale = "11d")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
