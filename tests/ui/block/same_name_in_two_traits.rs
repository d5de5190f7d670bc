use cached_redis::redis_cached;

trait One {
    async fn find(&self) -> u64;
}

trait Two {
    async fn find(&self) -> u64;
}

struct Repo;

#[redis_cached]
impl One for Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self) -> u64 {
        1
    }
}

#[redis_cached]
impl Two for Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self) -> u64 {
        2
    }
}

fn main() {}
