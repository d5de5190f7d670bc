use cached_redis::{redis_cached, updates};

#[redis_cached(ttl = 60)]
async fn get(id: u64) -> String {
    id.to_string()
}

#[updates(get(id) = name.clone())]
async fn rename(id: u64, name: &mut String) {
    name.push('!');
}

fn main() {}
