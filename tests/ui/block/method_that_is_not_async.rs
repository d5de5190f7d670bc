use cached_redis::redis_cached;

trait Find {
    async fn find(&self, id: u64) -> u64;
}

struct Repo;

#[redis_cached]
impl Repo {
    #[redis_cached(ttl = 600, skip(self))]
    fn other(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
