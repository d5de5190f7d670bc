use cached_redis::redis_cached;

#[redis_cached(ttl = 600, lock = "10s", load_timeout = "5s")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
