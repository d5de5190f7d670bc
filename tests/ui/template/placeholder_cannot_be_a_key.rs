use cached_redis::redis_cached;

struct Pool;

#[redis_cached(ttl = 600, key = "p:{pool}")]
async fn get(pool: &Pool) -> u64 {
    let _ = pool;
    1
}

fn main() {}
