use cached_redis::redis_cached;

struct Product {
    id: Id,
}

struct Id;

#[redis_cached(ttl = 600, key(product.id))]
async fn field(product: Product) -> u64 {
    let _ = product;
    1
}

struct Pool;

#[redis_cached(ttl = 600, key = "p:{pool}")]
async fn placeholder(pool: &Pool) -> u64 {
    let _ = pool;
    1
}

struct Repo {
    tenant: u64,
}

impl Repo {
    #[redis_cached(ttl = 600, key(self, id))]
    async fn receiver(&self, id: u64) -> u64 {
        self.tenant + id
    }
}

fn main() {}
