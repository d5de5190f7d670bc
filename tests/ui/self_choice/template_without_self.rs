use cached_redis::redis_cached;

struct Repo {
    tenant: u64,
}

impl Repo {
    #[redis_cached(ttl = 600, key = "p:{id}")]
    async fn get(&self, id: u64) -> u64 {
        self.tenant + id
    }
}

fn main() {}
