use cached_redis::redis_cached;

struct Pool;
struct Config;

#[redis_cached(ttl = 600)]
async fn one(pool: &Pool, id: u64) -> u64 {
    let _ = pool;
    id
}

#[redis_cached(ttl = 600)]
async fn several(pool: &Pool, config: Config, id: u64) -> u64 {
    let _ = (pool, config);
    id
}

struct Path<T>(T);

#[redis_cached(ttl = 600)]
async fn pattern(Path(id): Path<u64>, (page, _): (u32, u32)) -> u64 {
    id + u64::from(page)
}

fn main() {}
