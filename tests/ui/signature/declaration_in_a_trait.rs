use cached_redis::redis_cached;

trait Find {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self, id: u64) -> u64;
}

fn main() {}
