use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(name))]
async fn get(name: impl Into<String> + Send, id: u64) -> u64 {
    id + name.into().len() as u64
}

fn main() {}
