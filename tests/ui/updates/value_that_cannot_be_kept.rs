use cached_redis::{redis_cached, updates};

struct Product {
    id: u64,
}

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[updates(get(product.id) = product.id)]
async fn update(product: Product) -> Result<(), String> {
    Ok(())
}

fn main() {}
