use cached_redis::redis_cached;

enum Failure {
    Missing(u64),
}

#[redis_cached(ttl = 600, absent = Failure::Missing(id))]
async fn get(id: u64) -> Result<u64, Failure> {
    Err(Failure::Missing(id))
}

fn main() {}
