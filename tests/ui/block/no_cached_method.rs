use cached_redis::redis_cached;

trait Find {
    async fn find(&self, id: u64) -> u64;
}

struct Repo;

#[redis_cached]
impl Find for Repo {
    async fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
