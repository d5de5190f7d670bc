//! Other attributes stay on the function, those about its existence go to the helpers too.

use cached_redis::redis_cached;

#[cfg(any())]
#[redis_cached(ttl = 600)]
async fn removed(id: Missing) -> Missing {
    id
}

#[redis_cached(ttl = 600)]
#[cfg(any())]
async fn removed_below(id: Missing) -> Missing {
    id
}

#[redis_cached(ttl = 600)]
#[must_use]
#[deprecated]
#[inline]
#[doc(alias = "other")]
/// Documented.
async fn kept(#[allow(unused)] id: u64) -> u64 {
    #![allow(unused_variables)]
    let unused = 1;
    id
}

struct Repo;

#[redis_cached]
impl Repo {
    #[cfg(any())]
    #[redis_cached(ttl = 600, skip(self))]
    async fn removed(&self, id: Missing) -> Missing {
        id
    }

    #[redis_cached(ttl = 600, skip(self))]
    pub(crate) async fn kept(&self) -> u64 {
        1
    }
}

fn main() {
    #[allow(deprecated)]
    let _ = (kept(1), kept_entry(1), Repo.kept_entry());
}
