use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(count))]
async fn get(count: &mut u64, id: u64) -> u64 {
    *count += 1;
    id
}

fn main() {}
