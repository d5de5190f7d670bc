use cached_redis::redis_cached;

#[redis_cached(ttl = "10 m", negative_ttl = "ever", lock = "1y", load_timeout = 0)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
