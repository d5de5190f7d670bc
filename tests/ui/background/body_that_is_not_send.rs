use std::rc::Rc;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale = "5m")]
async fn get(id: u64) -> u64 {
    let shared = Rc::new(id);
    std::future::ready(()).await;
    *shared
}

fn main() {}
