use cached_redis::redis_cached;

struct Product {
    id: Id,
}

struct Id;

#[redis_cached(ttl = 600, key(product.id))]
async fn get(product: Product) -> u64 {
    let _ = product;
    1
}

fn main() {}
