use cached_redis::redis_cached;

trait Find {
    async fn find(&self, id: u64) -> u64;
}

struct Repo;

#[redis_cached]
impl<T> Find for T {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
