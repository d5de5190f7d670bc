use cached_redis::updates;

struct Repo;

#[updates(get(1) = 1)]
impl Repo {}

fn main() {}
