use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m")]
async fn get(name: Option<&str>) -> usize {
    name.map_or(0, str::len)
}

fn main() {}
