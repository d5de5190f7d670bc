use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    brand: u64,
}

#[redis_cached(ttl = 600, skip(db), tags = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"])]
async fn get(db: &str, category: u64) -> Product {
    Product { brand: category }
}

fn main() {}
