use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(name))]
async fn get(name: &(dyn Fn() -> u64 + Send + Sync), id: u64) -> u64 {
    id + name()
}

fn main() {}
