use std::rc::Rc;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m", skip(db))]
async fn get(db: &Rc<u64>, id: u64) -> u64 {
    id + **db
}

fn main() {}
