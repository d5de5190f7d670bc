use cached_redis::redis_cached;

#[redis_cached(ttl = 600, key = "{a}-{b}")]
async fn get(a: u64, b: u64) -> u64 {
    a + b
}

fn main() {}
