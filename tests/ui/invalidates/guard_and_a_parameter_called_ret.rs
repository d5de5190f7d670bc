use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(ret), guard = "10s")]
async fn update(ret: u64) -> Result<u64, String> {
    Ok(ret)
}

fn main() {}
