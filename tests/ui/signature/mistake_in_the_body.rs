use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> Result<String, std::fmt::Error> {
    let text: u32 = "a";
    Ok(id)
}

fn main() {}
