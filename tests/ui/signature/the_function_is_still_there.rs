use cached_redis::redis_cached;

#[redis_cached(ttl = 0)]
async fn get(id: u64) -> u64 {
    id
}

async fn uses() -> u64 {
    get(7).await
}

fn main() {}
