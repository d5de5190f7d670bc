use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(show: impl Fn() -> u64) -> u64 {
    show()
}

fn main() {}
