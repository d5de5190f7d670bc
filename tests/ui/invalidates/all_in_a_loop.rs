use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(..) for id in ids)]
async fn update(ids: Vec<u64>) -> Result<u64, String> {
    Ok(ids[0])
}

fn main() {}
