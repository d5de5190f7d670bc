use cached_redis::redis_cached;

#[redis_cached(ttl = 600, absent = self.is_absent)]
async fn get(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
