use cached_redis::redis_cached;

#[redis_cached(ttl = 600, local = "5s", codec = Json, compress = zstd, encrypt)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
