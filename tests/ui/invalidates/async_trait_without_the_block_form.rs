use cached_redis::{invalidates, redis_cached};

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> u64 {
    id
}

#[async_trait::async_trait]
trait Save {
    async fn save(&self, id: u64) -> u64;
}

struct Repo;

#[async_trait::async_trait]
impl Save for Repo {
    #[invalidates(get(id))]
    async fn save(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
