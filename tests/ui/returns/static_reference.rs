use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> &'static str {
    "a"
}

fn main() {}
