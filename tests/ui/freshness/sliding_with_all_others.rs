use cached_redis::redis_cached;

#[redis_cached(ttl = 600, sliding, stale = "5m", early = 1.0, stale_if_error = "1h", ttl_with = |id| *id)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
