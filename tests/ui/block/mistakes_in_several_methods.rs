use cached_redis::redis_cached;

struct Repo;

#[redis_cached]
impl Repo {
    #[redis_cached(ttl = 0, skip(self))]
    async fn one(&self, id: u64) -> u64 {
        id
    }

    #[redis_cached(ttl = 600)]
    async fn two(&self, id: u64) -> u64 {
        id
    }

    #[redis_cached(ttl = 600, skip(self, idd))]
    async fn three(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
