use cached_redis::{redis_cached, updates};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[updates(get(id) = "7")]
async fn update(id: u64) -> Result<(), String> {
    Ok(())
}

fn main() {}
