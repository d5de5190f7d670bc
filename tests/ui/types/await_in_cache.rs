use cached_redis::redis_cached;

async fn open() -> cached_redis::Cache {
    cached_redis::Cache::memory()
}

#[redis_cached(ttl = 600, cache = open().await)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
