use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get("7"))]
async fn literal(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[invalidates(get(name))]
async fn parameter(name: String) -> Result<u64, String> {
    Ok(name.len() as u64)
}

fn main() {}
