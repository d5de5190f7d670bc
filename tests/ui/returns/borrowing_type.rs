use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get(name: &str) -> std::borrow::Cow<'_, str> {
    name.into()
}

fn main() {}
