use cached_redis::redis_cached;

struct Repo;

#[redis_cached(crate = cached_redis, ttl = 600)]
impl Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
