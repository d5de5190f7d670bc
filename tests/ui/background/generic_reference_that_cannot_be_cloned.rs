use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(value))]
async fn get<T: ToString + Sync + 'static>(value: &T, id: u64) -> u64 {
    id + value.to_string().len() as u64
}

fn main() {}
