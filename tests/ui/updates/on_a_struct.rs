use cached_redis::updates;

#[updates(get(1) = 1)]
struct Repo;

fn main() {}
