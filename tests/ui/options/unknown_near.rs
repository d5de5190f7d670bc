use cached_redis::redis_cached;

#[redis_cached(tll = 600, prefx = "a")]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
