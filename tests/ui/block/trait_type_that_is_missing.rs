use cached_redis::redis_cached;

#[redis_cached]
impl Find for Missing {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self, id: u64) -> u64 {
        id
    }
}

trait Find {
    async fn find(&self, id: u64) -> u64;
}

fn main() {}
