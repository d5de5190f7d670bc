use cached_redis::redis_cached;

#[derive(Clone)]
struct Repo<'a> {
    name: &'a str,
}

impl<'a> Repo<'a> {
    #[redis_cached(ttl = 600, stale = "5m", skip(self))]
    async fn get(&self, id: u64) -> u64 {
        id + self.name.len() as u64
    }
}

fn main() {}
