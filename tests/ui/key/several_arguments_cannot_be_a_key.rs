use cached_redis::redis_cached;

struct Pool;
struct Config;

#[redis_cached(ttl = 600)]
async fn get(pool: &Pool, config: Config, id: u64) -> u64 {
    let _ = (pool, config);
    id
}

fn main() {}
