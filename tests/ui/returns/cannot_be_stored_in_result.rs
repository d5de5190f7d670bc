use cached_redis::redis_cached;

struct Row;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> Result<Option<Row>, String> {
    let _ = id;
    Ok(Some(Row))
}

fn main() {}
