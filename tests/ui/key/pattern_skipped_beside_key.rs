use cached_redis::redis_cached;

struct Path<T>(T);

#[redis_cached(ttl = 600, key(page))]
async fn get(#[cache(skip)] Path(id): Path<u64>, page: u32) -> u64 {
    id + u64::from(page)
}

fn main() {}
