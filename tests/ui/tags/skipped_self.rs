use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Product {
    brand: u64,
}

struct Repo {
    shop: u64,
}

impl Repo {
    #[redis_cached(ttl = 600, skip(self), tags = ["shop:{self.shop}"])]
    async fn get(&self, category: u64) -> Product {
        Product { brand: category + self.shop }
    }
}

fn main() {}
