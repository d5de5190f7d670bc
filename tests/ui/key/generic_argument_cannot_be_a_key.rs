use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get<T: Clone>(value: T) -> u64 {
    let _ = value;
    1
}

fn main() {}
