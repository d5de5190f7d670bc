use cached_redis::redis_cached;

struct Repo;

#[redis_cached]
impl Repo {
    #[redis_cached = 600]
    async fn find(&self) -> u64 {
        1
    }
}

fn main() {}
