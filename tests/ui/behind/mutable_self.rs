use cached_redis::redis_cached;

#[derive(Clone)]
struct Repo {
    loads: u64,
}

impl Repo {
    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn get(&mut self, id: u64) -> u64 {
        self.loads += 1;
        id
    }

    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn pinned(self: std::pin::Pin<&mut Self>, id: u64) -> u64 {
        self.loads + id
    }
}

fn main() {}
