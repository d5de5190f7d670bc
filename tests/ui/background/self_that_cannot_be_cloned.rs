use cached_redis::redis_cached;

struct Repo {
    offset: u64,
}

impl Repo {
    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn get(&self, id: u64) -> u64 {
        id + self.offset
    }
}

fn main() {}
