use cached_redis::redis_cached;

struct Failure {
    id: u64,
}

#[redis_cached(ttl = 600, absent = |error| error.id == id)]
async fn get(id: u64) -> Result<u64, Failure> {
    Err(Failure { id })
}

fn main() {}
