use cached_redis::redis_cached;

const GRACE: f64 = 1.0;

#[redis_cached(ttl = 600, stale = GRACE)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
