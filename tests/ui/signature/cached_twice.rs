use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
/// Between them.
#[redis_cached(ttl = 60, prefix = "products")]
async fn get(id: u64) -> u64 {
    id
}

struct Repo;

#[redis_cached]
impl Repo {
    #[redis_cached(ttl = 600, skip(self))]
    #[redis_cached(ttl = 60, skip(self))]
    async fn list(&self) -> u64 {
        7
    }
}

fn main() {
    drop(get_invalidate(7));
}
