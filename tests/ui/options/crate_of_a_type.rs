use cached_redis::{invalidates, redis_cached, updates};

#[redis_cached(ttl = 600, crate = Self::cached_redis)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(id), crate = Self)]
async fn put(id: u64) {}

#[updates(get(id) = 1, crate = Self)]
async fn set(id: u64) {}

#[redis_cached(ttl = 600, crate = facade::<u8>)]
async fn list(id: u64) -> u64 {
    id
}

fn main() {}
