use cached_redis::redis_cached;

#[redis_cached(ttl = 600, absent = not_found())]
async fn get(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
