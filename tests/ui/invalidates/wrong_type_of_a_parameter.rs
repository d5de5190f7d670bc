use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(name))]
async fn update(name: String) -> Result<u64, String> {
    Ok(name.len() as u64)
}

fn main() {}
