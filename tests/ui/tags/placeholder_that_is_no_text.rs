use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[redis_cached(ttl = 600, tags = ["category:{category}"])]
async fn argument(category: Vec<u64>) -> u64 {
    category.iter().sum()
}

#[derive(Serialize, Deserialize)]
struct Product {
    brand: Brand,
}

#[derive(Serialize, Deserialize)]
struct Brand(u64);

#[redis_cached(ttl = 600, tags = ["brand:{ret.brand}"])]
async fn value(category: u64) -> Product {
    Product { brand: Brand(category) }
}

fn main() {}
