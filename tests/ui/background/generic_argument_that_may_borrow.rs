use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(value))]
async fn get<T: Into<u64> + Send>(value: T, id: u64) -> u64 {
    id + value.into()
}

fn main() {}
