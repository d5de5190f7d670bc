#[cached_redis::invalidates(get(1))]
struct Repo;

fn main() {}
