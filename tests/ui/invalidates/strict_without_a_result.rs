use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(id), strict)]
async fn update(id: u64) -> u64 {
    id
}

#[invalidates(get(id), strict)]
async fn touch(id: u64) {
    let _ = id;
}

#[invalidates(get(id), strict)]
async fn remove(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
