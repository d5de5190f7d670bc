use cached_redis::redis_cached;

#[redis_cached(ttl = 60)]
async fn get(#[cfg(unix)] tenant: u64, id: u64) -> u64 {
    id
}

fn main() {}
