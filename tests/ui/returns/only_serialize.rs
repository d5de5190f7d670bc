use cached_redis::redis_cached;

#[derive(serde::Serialize)]
struct Row;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> Option<Row> {
    let _ = id;
    None
}

fn main() {}
