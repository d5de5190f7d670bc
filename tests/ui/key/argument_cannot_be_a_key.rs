use cached_redis::redis_cached;

struct Pool;

#[redis_cached(ttl = 600)]
async fn get(pool: &Pool, id: u64) -> u64 {
    let _ = pool;
    id
}

fn main() {}
