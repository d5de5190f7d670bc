use cached_redis::redis_cached;

const PREFIX: &str = "a";

#[redis_cached(ttl = 600, prefix = PREFIX)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
