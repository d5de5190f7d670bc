use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(name: &str) -> &str {
    name
}

fn main() {}
