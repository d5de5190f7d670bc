use cached_redis::redis_cached;

struct Pool {
    offset: u64,
}

#[redis_cached(ttl = 600, stale = "5m", skip(db))]
async fn get(db: &Pool, id: u64) -> u64 {
    id + db.offset
}

fn main() {}
