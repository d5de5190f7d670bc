use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(id), guard = "31d")]
async fn update(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
