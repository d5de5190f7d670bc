use cached_redis::{invalidates, redis_cached};
use serde::{Deserialize, Serialize};

mod tags {
    cached_redis::tag!(pub Crate(name: &str));
}
use tags::Crate;

struct NotATag(u64);

#[derive(Serialize, Deserialize)]
struct Meta {
    id: u64,
    name: String,
}

#[redis_cached(ttl = 600, tags = [Crats(name)])]
async fn misspelt(name: &str) -> u64 {
    1
}

#[redis_cached(ttl = 600, tags = [Crats(&ret.name)])]
async fn misspelt_of_the_value(name: &str) -> Meta {
    Meta { id: 1, name: name.to_owned() }
}

#[redis_cached(ttl = 600, tags = [Crate(id)])]
async fn wrong_type(id: u64) -> u64 {
    id
}

#[redis_cached(ttl = 600, tags = [Crate(ret.id)])]
async fn wrong_type_of_the_value(id: u64) -> Meta {
    Meta { id, name: String::new() }
}

#[redis_cached(ttl = 600, tags = [Crate(name, name)])]
async fn one_too_many(name: &str) -> u64 {
    1
}

#[redis_cached(ttl = 600, tags = [NotATag(id)])]
async fn no_tag(id: u64) -> u64 {
    id
}

#[invalidates(tag = Crats(&meta.name))]
async fn misspelt_by_a_write(meta: Meta) {}

#[invalidates(tag = Crate(meta.id))]
async fn wrong_type_in_a_write(meta: Meta) {}

struct Opaque;
cached_redis::tag!(CannotBeWritten(what: Opaque));

fn main() {}
