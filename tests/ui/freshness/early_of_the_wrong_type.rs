use cached_redis::redis_cached;

const BETA: u32 = 1;

#[redis_cached(ttl = 600, early = BETA)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
