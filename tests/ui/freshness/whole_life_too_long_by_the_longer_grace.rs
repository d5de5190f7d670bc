use cached_redis::redis_cached;

#[redis_cached(ttl = "20d", stale = "5m", stale_if_error = "11d")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
