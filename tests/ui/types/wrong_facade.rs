use cached_redis::redis_cached;

#[redis_cached(ttl = 600, crate = somewhere::else_)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
