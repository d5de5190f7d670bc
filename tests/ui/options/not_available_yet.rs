use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", stale_if_error = 1, early = 1.0, sliding, ttl_with = |v| 1, soft_timeout = 1, tags = ["a"], local = "5s", codec = Json, compress = zstd, encrypt)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
