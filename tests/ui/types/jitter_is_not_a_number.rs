use cached_redis::redis_cached;

const JITTER: &str = "0.1";

#[redis_cached(ttl = 600, jitter = JITTER)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
