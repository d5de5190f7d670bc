use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
fn get(id: u64) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { id })
}

fn main() {}
