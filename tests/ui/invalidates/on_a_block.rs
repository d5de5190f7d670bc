struct Repo;

#[cached_redis::invalidates(get(1))]
impl Repo {}

fn main() {}
