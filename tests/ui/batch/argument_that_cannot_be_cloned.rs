use std::collections::HashMap;

use cached_redis::redis_cached;

struct Connection;

#[redis_cached(ttl = 600, each(ids), skip(connection))]
async fn by_value(connection: Connection, ids: &[u64]) -> HashMap<u64, u64> {
    drop(connection);
    ids.iter().map(|id| (*id, *id)).collect()
}

fn main() {}
