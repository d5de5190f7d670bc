//! Generated code is free of warnings, however many are asked for.

#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

use cached_redis::{invalidates, redis_cached, updates};

/// A value.
#[derive(Clone)]
pub struct Repo;

/// Documented.
#[redis_cached(ttl = 600, bypass = fresh, absent = std::fmt::Error)]
pub async fn get(id: u64, fresh: bool) -> Result<u64, std::fmt::Error> {
    Ok(id)
}

/// Private, and its helpers are not used.
#[redis_cached(ttl = 600, jitter = 0)]
async fn private(name: String) -> usize {
    name.len()
}

/// Its name ends in `_`.
#[redis_cached(ttl = 600)]
pub async fn gen_(id: u64) -> u64 {
    id
}

/// In here nothing is reachable.
mod inner {
    #[cached_redis::redis_cached(ttl = 600, skip(_db))]
    pub(crate) async fn get((a, _b): (u64, u64), _db: &str) -> Option<u64> {
        Some(a)
    }
}

/// A trait.
#[allow(async_fn_in_trait)]
pub trait Find {
    /// Finds.
    async fn find(&self, id: u64) -> Option<String>;
}

#[redis_cached]
impl Find for Repo {
    #[redis_cached(ttl = 600, skip(self))]
    async fn find(&self, id: u64) -> Option<String> {
        Some(id.to_string())
    }
}

/// Goes on in the background.
#[redis_cached(ttl = 600, stale = "5m", tags = ["name:{name}", "length:{ret}"], skip(_db))]
pub async fn behind(_db: &str, mut name: &str) -> usize {
    name = name.trim();
    name.len()
}

impl Repo {
    /// Keeps what is behind the reference.
    #[redis_cached(ttl = 600, early = 1, stale_if_error = 60, skip(self))]
    pub async fn early(&self, id: u64) -> Result<u64, std::fmt::Error> {
        let _ = self;
        Ok(id)
    }
}

/// Writes behind a fence.
#[invalidates(get(id), tag = "name:{name}", guard = 10, strict)]
pub async fn write_guarded(id: u64, name: String) -> Result<u64, cached_redis::Error> {
    let _ = name;
    Ok(id)
}

/// Writes through.
#[updates(get(id) = *ret)]
#[invalidates(private(id.to_string()))]
pub async fn write_through(id: u64) -> Result<u64, String> {
    Ok(id)
}

/// Writes.
#[invalidates(get(id), get(ret), get(..), strict)]
pub async fn write(id: u64) -> Result<u64, cached_redis::Error> {
    Ok(id)
}

/// Cannot be cloned.
pub struct Order {
    id: u64,
}

/// The variable of the loop has the name of a parameter, which is not kept for it.
#[invalidates(get(order.id) for order in ret.iter(), private(format!("{order}")) for order in ret.len()..9)]
pub async fn write_orders(order: Order) -> Result<Vec<Order>, String> {
    Ok(vec![Order { id: order.id }])
}

/// Returns nothing.
#[invalidates(get(id), always)]
pub async fn write_nothing(id: u64) {
    let _ = (private(String::new()).await, inner::get((id, 1), "").await);
}

fn main() {}
