use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 60)]
async fn get(id: u64) -> u64 {
    id
}

async fn look(id: u64) -> u64 {
    id
}

#[invalidates(get(id.ok_or("none")?), get(look(7).await), get(id) for id in ids.as_ref().map_err(|_| "none")?)]
async fn set(id: Option<u64>, ids: Result<Vec<u64>, ()>) -> Result<(), &'static str> {
    Ok(())
}

#[invalidates(get(if id == 3 { return } else { id }))]
async fn clear(id: u64) {}

fn main() {}
