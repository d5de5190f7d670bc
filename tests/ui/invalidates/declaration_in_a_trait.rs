use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

trait Save {
    #[invalidates(get(id))]
    async fn save(&self, id: u64) -> u64;
}

fn main() {}
