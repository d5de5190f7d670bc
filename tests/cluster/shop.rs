//! Functions over a source that can be changed, so that a stale answer is seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, invalidates, redis_cached, updates};
use cached_redis_test_support::{Cluster, poll, unique_namespace};

/// No busy machine exceeds it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How many ids there are.
pub(crate) const IDS: usize = 256;

/// A process of an application, and the source of its data.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) cache: Cache,
    source: Arc<Vec<AtomicU64>>,
    loads: Arc<AtomicU64>,
}

impl Shop {
    /// Connected to a cluster, with the budget that applications have, or another.
    pub(crate) async fn on(cluster: &Cluster, budget: Duration) -> Self {
        let cache = Cache::builder().cluster(cluster.urls()).budget(budget);
        let cache = cache.namespace(unique_namespace("cluster")).build().expect("URLs");
        let shop = Self::with(cache);
        let up = async || shop.cache.health().await.is_up();
        poll::until_async("connected", PATIENCE, up).await;
        shop
    }

    pub(crate) fn with(cache: Cache) -> Self {
        let source = (0..IDS).map(|_| AtomicU64::new(1)).collect();
        Self { cache, source: Arc::new(source), loads: Arc::default() }
    }

    /// Another process with the same namespace and source.
    pub(crate) async fn another(&self, cluster: &Cluster, namespace: &str) -> Self {
        let cache = Cache::builder().cluster(cluster.urls()).budget(PATIENCE);
        let cache = cache.namespace(namespace).build().expect("URLs");
        let other = Self { cache, ..self.clone() };
        let up = async || other.cache.health().await.is_up();
        poll::until_async("connected", PATIENCE, up).await;
        other
    }

    /// What the source has.
    pub(crate) fn version(&self, id: u64) -> u64 {
        self.source[id as usize].load(Ordering::SeqCst)
    }

    /// Changes the source, and says what it has now.
    pub(crate) fn change(&self, id: u64) -> u64 {
        self.source[id as usize].fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    fn load(&self, id: u64) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.version(id)
    }
}

impl Shop {
    #[redis_cached(ttl = 600, prefix = "shop", skip(self), jitter = 0.0, cache = self.cache)]
    pub(crate) async fn plain(&self, id: u64) -> u64 {
        self.load(id)
    }

    #[redis_cached(
        ttl = 600, prefix = "shop", skip(self), jitter = 0.0, cache = self.cache, tags = ["shelf:{shelf}"]
    )]
    pub(crate) async fn shelved(&self, shelf: u64, id: u64) -> u64 {
        self.load(id)
    }

    #[redis_cached(
        ttl = 600, skip(self), each(ids), of = self.plain
    )]
    pub(crate) async fn many(&self, ids: &[u64]) -> HashMap<u64, u64> {
        ids.iter().map(|id| (*id, self.load(*id))).collect()
    }

    #[invalidates(self.plain(id), strict)]
    pub(crate) async fn write(&self, id: u64) -> Result<u64, cached_redis::Error> {
        Ok(self.change(id))
    }

    #[invalidates(self.plain(id), guard = "10s", strict)]
    pub(crate) async fn write_guarded(&self, id: u64) -> Result<u64, cached_redis::Error> {
        Ok(self.change(id))
    }

    #[updates(self.plain(id) = ret)]
    pub(crate) async fn write_through(&self, id: u64) -> u64 {
        self.change(id)
    }

    #[invalidates(tag = "shelf:{shelf}", strict, cache = self.cache)]
    pub(crate) async fn write_shelf(
        &self,
        shelf: u64,
        id: u64,
    ) -> Result<u64, cached_redis::Error> {
        Ok(self.change(id))
    }

    #[invalidates(self.plain(..), strict)]
    pub(crate) async fn write_all(&self, id: u64) -> Result<u64, cached_redis::Error> {
        Ok(self.change(id))
    }
}

/// Sets up a runtime of two threads and a cluster, and runs a test on it.
pub(crate) fn on_cluster<F: Future<Output = ()>>(
    replicas: usize,
    test: impl Fn(Arc<Cluster>) -> F,
) {
    cached_redis_test_support::each_binary(|binary| {
        let cluster = Arc::new(Cluster::start(binary, 3, replicas));
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(test(cluster));
    });
}
