use std::collections::HashMap;

use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    id: u64,
}

#[redis_cached(ttl = "10m", local = "1s", each(ids))]
async fn products(ids: &[u64]) -> HashMap<u64, Product> {
    ids.iter().map(|id| (*id, Product { id: *id })).collect()
}

fn main() {}
