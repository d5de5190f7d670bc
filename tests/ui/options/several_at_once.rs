use cached_redis::redis_cached;

#[redis_cached(ttl = 0, jitter = 2.0, prefix = "a b", skip(idd), version = "two", colour = 1)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
