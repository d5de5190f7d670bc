//! The same function, annotated with what other crates offer for copies in the process. Each is bounded and has a TTL,
//! as ours is.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cacheable::cache::{CacheBackend, CacheLayer};
use hitbox::policy::PolicyConfig;
use hitbox_fn::prelude::*;
use hitbox_moka::MokaBackend;
use serde::{Deserialize, Serialize};

use crate::Product;

/// `cached`: one table for the function, behind one lock.
#[cached::macros::cached(max_size = 2_000, ttl_secs = 600)]
pub async fn cached_plain(id: u64) -> Arc<Product> {
    Product::new(id)
}

/// `cached`: a table in shards.
#[cached::macros::concurrent_cached(max_size = 20_000, ttl_secs = 600)]
pub async fn cached_sharded(id: u64) -> Arc<Product> {
    Product::new(id)
}

/// What `hitbox` returns. It keeps encoded bytes, also in moka, and decodes them at each hit: no `Arc` of a value.
#[derive(Clone, Serialize, Deserialize, CacheableResponse)]
pub struct Decoded {
    id: u64,
    name: String,
}

#[hitbox_fn::cached(prefix = "product")]
async fn hitbox_function(id: u64) -> Decoded {
    Decoded { id, name: format!("product {id}") }
}

/// `hitbox` over moka.
pub async fn hitbox_moka(id: u64) -> Decoded {
    static CACHE: LazyLock<Cache<MokaBackend>> = LazyLock::new(|| {
        let backend = MokaBackend::builder().max_entries(2_000).build();
        let policy = PolicyConfig::builder().ttl(Duration::from_secs(600)).build();
        Cache::builder().backend(backend).policy(policy).build()
    });
    hitbox_function(id).cache(&*CACHE).await
}

/// The other tier of `cacheable`, which is always there, and holds nothing.
struct Empty;

#[async_trait::async_trait]
impl CacheBackend for Empty {
    async fn health_check(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn get(&self, _: &str) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: &str, _: u64) -> anyhow::Result<()> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Once, before [`cacheable`] is called.
pub fn start_cacheable() {
    cacheable::init(Arc::new(CacheLayer::with_backend(Arc::new(Empty), 600, 600)));
}

/// `cacheable`: moka, by a key that is formatted at each call.
#[cacheable::cached(
    scene = "product",
    key = "product:{id}",
    refresh_ms = 600_000,
    expire_ms = 600_000
)]
pub async fn cacheable(id: u64) -> anyhow::Result<Arc<Product>> {
    Ok(Product::new(id))
}
