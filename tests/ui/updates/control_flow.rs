use cached_redis::{redis_cached, updates};

#[redis_cached(ttl = 60)]
async fn get(id: u64) -> u64 {
    id
}

#[updates(get(id) = value.ok_or("none")?)]
async fn set(id: u64, value: Option<u64>) -> Result<(), &'static str> {
    Ok(())
}

fn main() {}
