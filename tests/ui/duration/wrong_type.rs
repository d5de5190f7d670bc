use cached_redis::redis_cached;

const LIFE: &str = "10m";

#[redis_cached(ttl = LIFE)]
async fn constant(id: u64) -> u64 {
    id
}

#[redis_cached(ttl = id.to_string())]
async fn expression(id: u64) -> u64 {
    id
}

const GRACE: f64 = 1.0;

#[redis_cached(ttl = 600, stale = GRACE)]
async fn grace(id: u64) -> u64 {
    id
}

fn main() {}
