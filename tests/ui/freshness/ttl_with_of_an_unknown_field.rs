use cached_redis::redis_cached;

#[redis_cached(ttl = 600, ttl_with = |id| id.expires_in)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
