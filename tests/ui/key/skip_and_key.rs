use cached_redis::redis_cached;

#[redis_cached(ttl = 600, skip(db), key(id))]
async fn get(db: u8, id: u64) -> u64 {
    id
}

fn main() {}
