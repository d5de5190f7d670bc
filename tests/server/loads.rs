//! A cached function that takes its load as an argument, and servers to cache in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, each_binary, each_server, poll, unique_namespace};

use crate::support::PATIENCE;

/// How often loads ran.
#[derive(Debug, Default)]
pub(crate) struct Loads(AtomicU64);

impl Loads {
    pub(crate) fn begin(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn begun(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// An instant load.
    pub(crate) async fn gives(&self, value: u64) -> u64 {
        self.begin();
        value
    }

    /// A load that takes its time.
    pub(crate) async fn takes(&self, time: Duration, value: u64) -> u64 {
        self.begin();
        tokio::time::sleep(time).await;
        value
    }
}

/// The entry `id`, else what `load` comes to.
#[redis_cached(ttl = 600, prefix = "loads", skip(load))]
pub(crate) async fn value<F>(id: u64, load: F) -> u64
where
    F: Future<Output = u64>,
{
    load.await
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// A cache that may or may not be connected yet.
pub(crate) fn cache_at(url: &str, namespace: &str) -> Cache {
    Cache::builder().url(url).namespace(namespace).build().expect("a URL")
}

/// A connected cache with the default budget, for tests of what it bounds.
pub(crate) async fn connected(url: &str) -> Cache {
    until_connected(cache_at(url, &unique_namespace("test"))).await
}

/// A connected cache with a budget that no busy machine exceeds.
pub(crate) async fn patient(url: &str, namespace: &str) -> Cache {
    until_connected(patient_at(url, namespace)).await
}

/// The same, that may or may not be connected yet.
pub(crate) fn patient_at(url: &str, namespace: &str) -> Cache {
    let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
    cache.expect("a URL")
}

async fn until_connected(cache: Cache) -> Cache {
    poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
    cache
}

/// Runs a test inside the scope of a connected cache, on every kind of server.
pub(crate) fn each_cache(test: impl AsyncFn(Cache)) {
    each_server(|server| {
        runtime().block_on(async {
            let cache = patient(server.url(), &unique_namespace("test")).await;
            cache.scope(test(cache.clone())).await;
        });
    });
}

/// The same with a server that may be harmed, configured or counted.
pub(crate) fn each_own_cache(test: impl AsyncFn(&Server, Cache)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let cache = patient(server.url(), &unique_namespace("test")).await;
            cache.scope(test(&server, cache.clone())).await;
        });
    });
}
