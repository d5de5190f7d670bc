use cached_redis::redis_cached;

#[redis_cached(tll = 600, skip(db))]
unsafe fn get(id: u64) {}

fn main() {}
