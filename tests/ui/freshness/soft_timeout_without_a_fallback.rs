use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "1h", soft_timeout = "200ms")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
