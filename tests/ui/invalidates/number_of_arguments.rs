use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get())]
async fn too_few(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[invalidates(get(id, 2))]
async fn too_many(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
