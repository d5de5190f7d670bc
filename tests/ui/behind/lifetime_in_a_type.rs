use std::borrow::Cow;

use cached_redis::redis_cached;

#[redis_cached(ttl = 600, stale_if_error = "1h", soft_timeout = "1s")]
async fn get(name: Cow<'_, str>) -> usize {
    name.len()
}

fn main() {}
