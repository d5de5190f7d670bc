use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

async fn not_cached(id: u64) -> u64 {
    id
}

#[invalidates(got(id), got(..), not_cached(id))]
async fn update(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
