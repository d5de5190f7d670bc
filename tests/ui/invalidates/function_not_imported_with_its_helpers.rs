use cached_redis::{invalidates, redis_cached};

mod products {
    #[cached_redis::redis_cached(ttl = 600)]
    pub async fn get(id: u64) -> u64 {
        id
    }
}

use products::get;

#[invalidates(get(id))]
async fn update(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[redis_cached(ttl = 600)]
async fn other(id: u64) -> u64 {
    get(id).await
}

fn main() {}
