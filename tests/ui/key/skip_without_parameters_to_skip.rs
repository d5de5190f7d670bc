use cached_redis::redis_cached;

#[redis_cached(ttl = 600, skip(id))]
async fn get() -> u64 {
    1
}

fn main() {}
