use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(tag = "ids:{ids}")]
async fn update(ids: Vec<u64>) -> Result<(), String> {
    Ok(())
}

fn main() {}
