use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m")]
async fn depth(id: u64) -> u64 {
    if id == 0 { 0 } else { Box::pin(depth(id - 1)).await + 1 }
}

fn main() {}
