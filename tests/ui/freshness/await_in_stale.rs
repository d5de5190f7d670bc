use cached_redis::redis_cached;

async fn other() -> u64 {
    1
}

#[redis_cached(ttl = 600, stale = other().await)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
