use cached_redis::redis_cached;

#[redis_cached(ttl = 600, ttl_with = |id| id.to_string())]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
