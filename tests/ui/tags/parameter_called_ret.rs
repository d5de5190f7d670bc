use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    brand: u64,
}

#[redis_cached(ttl = 600, tags = ["brand:{ret.brand}"])]
async fn get(ret: u64) -> Product {
    Product { brand: ret }
}

fn main() {}
