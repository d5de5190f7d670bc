use cached_redis::redis_cached;

struct Row;

#[redis_cached(ttl = 600)]
async fn plain(id: u64) -> Row {
    let _ = id;
    Row
}

#[redis_cached(ttl = 600)]
async fn in_result(id: u64) -> Result<Option<Row>, String> {
    let _ = id;
    Ok(Some(Row))
}

type Answer<T> = Result<Vec<T>, String>;

#[redis_cached(ttl = 600)]
async fn behind_an_alias(id: u64) -> Answer<Row> {
    let _ = id;
    Ok(vec![Row])
}

#[derive(serde::Serialize)]
struct OnlySerialize;

#[redis_cached(ttl = 600)]
async fn only_serialize(id: u64) -> Option<OnlySerialize> {
    let _ = id;
    None
}

fn main() {}
