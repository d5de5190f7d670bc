use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

async fn uses() {
    let _ = get_invalidate("7").await;
}

fn main() {}
