use cached_redis::redis_cached;

struct Name<'a>(&'a str);

#[redis_cached(ttl = 600, stale = "5m", skip(name))]
async fn get(name: Name, id: u64) -> u64 {
    id + name.0.len() as u64
}

fn main() {}
