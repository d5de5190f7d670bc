use cached_redis::redis_cached;

struct Row;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> Row {
    let _ = id;
    Row
}

fn main() {}
