use cached_redis::redis_cached;

struct Failure;

enum Other {
    NotFound,
}

#[redis_cached(ttl = 600, absent = Other::NotFound)]
async fn get(id: u64) -> Result<u64, Failure> {
    Ok(id)
}

fn main() {}
