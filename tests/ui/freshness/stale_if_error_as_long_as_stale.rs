use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "1h", stale_if_error = "60m")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
