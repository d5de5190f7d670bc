use cached_redis::{redis_cached, updates};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[updates(get(id) = "7")]
async fn literal(id: u64) -> Result<(), String> {
    Ok(())
}

#[updates(get(id) = name)]
async fn parameter(id: u64, name: String) -> Result<(), String> {
    Ok(())
}

fn main() {}
