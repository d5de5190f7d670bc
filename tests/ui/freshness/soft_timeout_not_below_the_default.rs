use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = "1m")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
