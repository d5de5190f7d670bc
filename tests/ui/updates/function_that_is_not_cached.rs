use cached_redis::{redis_cached, updates};

async fn plain(id: u64) -> u64 {
    id
}

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[updates(plain(id) = id)]
async fn update(id: u64) -> Result<(), String> {
    Ok(())
}

fn main() {}
