use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(#[cache(ignore)] db: u8, id: u64) -> u64 {
    id
}

fn main() {}
