use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
struct Product;

fn main() {}
