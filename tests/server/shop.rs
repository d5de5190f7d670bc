//! Cached functions with the options of freshness and groups, and writes around them. Each test gives the bodies and
//! how long things live.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, Error, FunctionStats, invalidates, redis_cached, updates};
use cached_redis_test_support::{Server, each_binary, poll, unique_namespace};
use serde::{Deserialize, Serialize};

use crate::support::{Failure, PATIENCE};

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) version: u64,
    pub(crate) brand: u64,
}

pub(crate) type Answer = Result<Product, Failure>;
pub(crate) type Body<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A product of the first brand.
pub(crate) fn product(version: u64) -> Answer {
    Ok(Product { version, brand: 1 })
}

/// A body that gives this version at once.
pub(crate) fn gives(version: u64) -> Body<Answer> {
    body(async move { product(version) })
}

pub(crate) fn fails() -> Body<Answer> {
    body(async { Err(Failure) })
}

pub(crate) fn body<T>(future: impl Future<Output = T> + Send + 'static) -> Body<T> {
    Box::pin(future)
}

/// A node of an application.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) cache: Cache,
    pub(crate) ttl: Duration,
    /// Of `aging` and `enduring`.
    pub(crate) grace: Duration,
    pub(crate) guard: Duration,
    pub(crate) loads: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) fn on(server: &Server) -> Self {
        Self::at(server.url(), &unique_namespace("shop"))
    }

    /// With a budget that no busy machine exceeds.
    pub(crate) fn at(url: &str, namespace: &str) -> Self {
        let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
        Self::with(cache.expect("a URL"))
    }

    pub(crate) fn with(cache: Cache) -> Self {
        Self {
            cache,
            ttl: Duration::from_secs(600),
            grace: Duration::from_secs(600),
            guard: Duration::from_secs(10),
            loads: Arc::default(),
        }
    }

    /// Connects, so that a test does not measure it.
    pub(crate) async fn connected(self) -> Self {
        let up = async || self.cache.health().await.is_up();
        poll::until_async("connected", PATIENCE, up).await;
        self
    }

    /// How often a body has begun.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Waits until a load has begun since `before`.
    pub(crate) async fn loading(&self, before: u64) {
        poll::until_async("loading", PATIENCE, async || self.loads() > before).await;
    }

    /// The counters of one of the functions.
    pub(crate) fn stats(&self, function: &str) -> FunctionStats {
        let mut functions = self.cache.stats().functions.into_iter();
        functions.find(|stats| stats.name == format!("shop:{function}")).unwrap_or_default()
    }

    async fn load(&self, body: Body<Answer>) -> Answer {
        self.loads.fetch_add(1, Ordering::SeqCst);
        body.await
    }
}

/// The functions.
impl Shop {
    #[redis_cached(ttl = self.ttl, prefix = "shop", skip(self, body), jitter = 0.0, cache = self.cache)]
    pub(crate) async fn plain(&self, id: u64, body: Body<Answer>) -> Answer {
        self.load(body).await
    }

    #[redis_cached(
        ttl = self.ttl, prefix = "shop", skip(self, body), jitter = 0.0, cache = self.cache,
        tags = ["shelf:{shelf}"]
    )]
    pub(crate) async fn shelved(&self, shelf: u64, id: u64, body: Body<Answer>) -> Answer {
        self.load(body).await
    }

    #[redis_cached(
        ttl = self.ttl, prefix = "shop", skip(self, body), jitter = 0.0, cache = self.cache,
        tags = ["brand:{ret.brand}"]
    )]
    pub(crate) async fn branded(&self, id: u64, body: Body<Answer>) -> Answer {
        self.load(body).await
    }

    #[redis_cached(
        ttl = self.ttl, prefix = "shop", skip(self, body), jitter = 0.0, cache = self.cache,
        stale = self.grace, early = false
    )]
    pub(crate) async fn aging(&self, id: u64, body: Body<Answer>) -> Answer {
        self.load(body).await
    }

    #[redis_cached(
        ttl = self.ttl, prefix = "shop", skip(self, body), jitter = 0.0, cache = self.cache,
        stale_if_error = self.grace, soft_timeout = "50ms"
    )]
    pub(crate) async fn enduring(&self, id: u64, body: Body<Answer>) -> Answer {
        self.load(body).await
    }

    #[redis_cached(
        ttl = self.ttl, prefix = "shop", skip(self, body), jitter = 0.0, cache = self.cache, sliding
    )]
    pub(crate) async fn sliding(&self, id: u64, body: Body<Answer>) -> Answer {
        self.load(body).await
    }
}

/// The writes. With `strict`, their body runs behind the fence or not at all.
impl Shop {
    #[invalidates(self.plain(id))]
    pub(crate) async fn write(&self, id: u64, body: Body<()>) {
        body.await;
    }

    #[invalidates(self.plain(id), self.sliding(id))]
    pub(crate) async fn write_two(&self, id: u64, body: Body<()>) {
        body.await;
    }

    #[invalidates(self.plain(id), guard = self.guard)]
    pub(crate) async fn write_guarded(&self, id: u64, body: Body<()>) {
        body.await;
    }

    #[invalidates(self.plain(id), guard = self.guard, strict)]
    pub(crate) async fn write_strictly(&self, id: u64, body: Body<()>) -> Result<(), Error> {
        body.await;
        Ok(())
    }

    #[invalidates(tag = "shelf:{shelf}", guard = self.guard, cache = self.cache)]
    pub(crate) async fn write_shelf_guarded(&self, shelf: u64, body: Body<()>) {
        body.await;
    }

    #[invalidates(self.plain(..), guard = self.guard)]
    pub(crate) async fn write_all_guarded(&self, body: Body<()>) {
        body.await;
    }

    #[updates(self.plain(id) = *ret)]
    pub(crate) async fn update(&self, id: u64, body: Body<Answer>) -> Answer {
        body.await
    }
}

/// Runs a test on a server of its own, over RESP3, where it tells what changes, and over RESP2.
pub(crate) fn each_wire(test: impl AsyncFn(&Server, Shop, Wire)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        for wire in [Wire::Tracked, Wire::Resp2] {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let shop = Shop::at(&wire.url(&server), &unique_namespace("shop"));
                test(&server, shop.connected().await, wire).await;
            });
        }
    });
}

/// How a node talks to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// It is told what changes.
    Tracked,
    Resp2,
}

impl Wire {
    pub(crate) fn url(self, server: &Server) -> String {
        match self {
            Self::Tracked => server.url().to_owned(),
            Self::Resp2 => format!("{}/?protocol=resp2", server.url()),
        }
    }
}
