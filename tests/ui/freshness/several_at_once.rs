use cached_redis::redis_cached;

#[redis_cached(ttl = 0, stale = 0, stale_if_error = "1", early = 20, soft_timeout = "2x")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
