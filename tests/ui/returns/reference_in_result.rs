use cached_redis::redis_cached;

#[redis_cached(ttl = 600)]
async fn get<'a>(names: &'a [String]) -> Result<&'a String, ()> {
    names.first().ok_or(())
}

fn main() {}
