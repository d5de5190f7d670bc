use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(count))]
async fn get(count: &mut u64, name: Option<&str>, id: u64) -> u64 {
    *count += 1;
    id + name.map_or(0, str::len) as u64
}

fn main() {}
