use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    brand: Brand,
}

#[derive(Serialize, Deserialize)]
struct Brand(u64);

#[redis_cached(ttl = 600, tags = ["category:{category.id}"])]
async fn argument(category: u64) -> Product {
    Product { brand: Brand(category) }
}

#[redis_cached(ttl = 600, tags = ["brand:{ret.brnd}"])]
async fn value(category: u64) -> Product {
    Product { brand: Brand(category) }
}

fn main() {}
