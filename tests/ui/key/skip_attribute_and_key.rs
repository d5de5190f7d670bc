use cached_redis::redis_cached;

#[redis_cached(ttl = 600, key(id))]
async fn get(#[cache(skip)] db: u8, id: u64) -> u64 {
    id
}

fn main() {}
