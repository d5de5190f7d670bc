use cached_redis::redis_cached;

#[async_trait::async_trait]
trait Find {
    async fn find(&self, id: u64) -> u64;
}

struct Repo;

#[async_trait::async_trait]
impl Find for Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
