use cached_redis::redis_cached;

struct Row;
type Answer<T> = Result<Vec<T>, String>;

#[redis_cached(ttl = 600)]
async fn get(id: u64) -> Answer<Row> {
    let _ = id;
    Ok(vec![Row])
}

fn main() {}
