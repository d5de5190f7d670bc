use cached_redis::redis_cached;

const KEY: &str = "all";

#[redis_cached(ttl = 600, key(KEY))]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
