use cached_redis::redis_cached;

struct Failure(bool);

#[redis_cached(ttl = 600, absent = |error| error.0)]
async fn get(id: u64) -> Result<u64, Failure> {
    Ok(id)
}

fn main() {}
