use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    brand: u64,
}

#[redis_cached(ttl = 600, skip(db), tags = ["{{category}}"])]
async fn get(db: &str, category: u64) -> Product {
    Product { brand: category }
}

fn main() {}
