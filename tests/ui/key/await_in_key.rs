use cached_redis::redis_cached;

async fn other(id: u64) -> u64 {
    id
}

#[redis_cached(ttl = 600, key(other(id).await))]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
