use cached_redis::redis_cached;

#[redis_cached(ttl = 600, tags = ["category:{category}"])]
async fn get(category: Option<u64>) -> u64 {
    category.unwrap_or_default()
}

fn main() {}
