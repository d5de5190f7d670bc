use cached_redis::redis_cached;

struct Repo;

#[redis_cached]
impl Repo {
    #[redis_cached(ttl = 600, skip(self), tll = 5)]
    async fn find(&self, id: u64) -> u64 {
        id
    }

    async fn uses(&self) -> u64 {
        self.find(7).await
    }
}

fn main() {}
