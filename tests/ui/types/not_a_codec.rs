use cached_redis::redis_cached;

struct NotACodec;

#[redis_cached(ttl = "10m", codec = NotACodec)]
async fn price(id: u64) -> u64 {
    id
}

fn main() {}
