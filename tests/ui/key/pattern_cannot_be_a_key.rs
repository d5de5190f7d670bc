use cached_redis::redis_cached;

struct Path<T>(T);

#[redis_cached(ttl = 600)]
async fn get(Path(id): Path<u64>, (page, _): (u32, u32)) -> u64 {
    id + u64::from(page)
}

fn main() {}
