use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    id: u64,
}

#[redis_cached(ttl = "10m", local = "1s")]
async fn product(id: u64) -> Option<Product> {
    Some(Product { id })
}

fn main() {}
