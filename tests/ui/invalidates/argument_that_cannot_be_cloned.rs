use cached_redis::{invalidates, redis_cached};

#[derive(serde::Serialize)]
struct Product;

#[redis_cached(ttl = 600)]
async fn get(product: Product) -> u64 {
    drop(product);
    1
}

#[invalidates(get(product))]
async fn update(product: Product) -> Result<u64, String> {
    drop(product);
    Ok(1)
}

fn main() {}
