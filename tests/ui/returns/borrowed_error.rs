use cached_redis::redis_cached;

struct Failure<'a>(&'a str);

#[redis_cached(ttl = 60)]
async fn get<'a>(name: &'a str) -> Result<String, Failure<'a>> {
    Err(Failure(name))
}

fn main() {}
