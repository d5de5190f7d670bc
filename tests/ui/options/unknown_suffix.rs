use cached_redis::redis_cached;

#[redis_cached(ttl = 10, jitter = 1x)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
