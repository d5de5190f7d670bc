//! Real servers: what goes over the wire, who loads, what a fault costs, and that nothing stale is
//! ever served.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[path = "server/bad_input.rs"]
mod bad_input;
#[path = "server/batch_copies.rs"]
mod batch_copies;
#[path = "server/batches.rs"]
mod batches;
#[path = "server/coalescing.rs"]
mod coalescing;
#[path = "server/crashes.rs"]
mod crashes;
#[path = "server/deploys.rs"]
mod deploys;
#[path = "server/entries.rs"]
mod entries;
#[path = "server/error_replies.rs"]
mod error_replies;
#[path = "server/faults.rs"]
mod faults;
#[path = "server/footprint.rs"]
mod footprint;
#[path = "server/freshness.rs"]
mod freshness;
#[path = "server/groups.rs"]
mod groups;
#[path = "server/handshake.rs"]
mod handshake;
#[path = "server/history.rs"]
mod history;
#[path = "server/invalidations.rs"]
mod invalidations;
#[path = "server/liveness.rs"]
mod liveness;
#[path = "server/loads.rs"]
mod loads;
#[path = "server/local.rs"]
mod local;
#[path = "server/long_values.rs"]
mod long_values;
#[path = "server/outages.rs"]
mod outages;
#[path = "server/payloads.rs"]
mod payloads;
#[path = "server/refusals.rs"]
mod refusals;
#[path = "server/secrets.rs"]
mod secrets;
#[path = "server/shop.rs"]
mod shop;
#[path = "server/single_flight.rs"]
mod single_flight;
#[path = "server/stale_fill.rs"]
mod stale_fill;
#[path = "server/transactions.rs"]
mod transactions;
#[path = "server/waiting.rs"]
mod waiting;
#[path = "server/wire.rs"]
mod wire;
#[path = "server/writes.rs"]
mod writes;

mod support {
    //! A cached function whose body each test gives.

    use std::cell::RefCell;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use cached_redis::redis::aio::MultiplexedConnection;
    use cached_redis::redis::{AsyncConnectionConfig, Client};
    use cached_redis::{Cache, Error, redis_cached};
    use cached_redis_test_support::{Server, unique_namespace};

    pub(crate) const LOAD: Duration = Duration::from_millis(100);

    /// The whole cache budget of a call, unless a test sets another.
    pub(crate) const BUDGET: Duration = Duration::from_millis(100);

    /// How long anything may take that has no bound of its own.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

    /// What a busy machine may add to any deadline, its pauses apart (see `Stopwatch`).
    pub(crate) const SLACK: Duration = Duration::from_millis(300);

    /// As patient as we are: by default a connection gives an answer 500 ms.
    pub(crate) async fn connection_of_the_users_own(server: &Server) -> MultiplexedConnection {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = Client::open(server.url()).expect("a URL");
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        connection.expect("a server")
    }

    type Body = Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// What the function returns: an error that is neither `Clone` nor serializable.
    pub(crate) type Answer = Result<u64, Failure>;

    #[derive(Debug, PartialEq)]
    pub(crate) struct Failure;

    /// A source of values, behind a cache.
    #[derive(Clone)]
    pub(crate) struct Subject {
        pub(crate) cache: Cache,
        loads: Arc<AtomicU64>,
    }

    impl Subject {
        pub(crate) fn on(server: &Server) -> Self {
            Self::at(server.url())
        }

        pub(crate) fn at(url: &str) -> Self {
            Self::named(url, &unique_namespace("test"))
        }

        /// With a budget that no busy machine exceeds.
        pub(crate) fn named(url: &str, namespace: &str) -> Self {
            Self::budgeted(url, namespace, PATIENCE)
        }

        /// With the default budget, for tests of what it bounds.
        pub(crate) fn in_a_hurry(url: &str) -> Self {
            Self::within(url, BUDGET)
        }

        pub(crate) fn within(url: &str, budget: Duration) -> Self {
            Self::budgeted(url, &unique_namespace("test"), budget)
        }

        fn budgeted(url: &str, namespace: &str, budget: Duration) -> Self {
            let cache = Cache::builder().url(url).namespace(namespace).budget(budget).build();
            Self::with(cache.expect("a URL"))
        }

        pub(crate) fn with(cache: Cache) -> Self {
            Self { cache, loads: Arc::default() }
        }

        /// Connects, so that a test does not measure it.
        pub(crate) async fn connected(self) -> Self {
            let up = async || self.cache.health().await.is_up();
            cached_redis_test_support::poll::until_async("connected", PATIENCE, up).await;
            self
        }

        #[redis_cached(ttl = 600, prefix = "test", key(id), skip(self), jitter = 0.0, cache = self.cache)]
        async fn value(&self, id: u64, body: RefCell<Option<Body>>) -> Answer {
            self.loads.fetch_add(1, Ordering::SeqCst);
            match body.take() {
                Some(body) => body.await,
                None => Err(Failure),
            }
        }

        /// Asks for an entry, whose load is `body`.
        pub(crate) async fn load(
            &self,
            id: u64,
            body: impl Future<Output = Answer> + Send + 'static,
        ) -> Answer {
            self.value(id, RefCell::new(Some(Box::pin(body)))).await
        }

        /// Asks for an entry, whose load takes `delay` and gives `value`.
        pub(crate) async fn after(&self, id: u64, delay: Duration, value: u64) -> Answer {
            self.load(id, async move {
                tokio::time::sleep(delay).await;
                Ok(value)
            })
            .await
        }

        /// Asks for an entry, whose load is instant.
        pub(crate) async fn ask(&self, id: u64, value: u64) -> Answer {
            self.load(id, async move { Ok(value) }).await
        }

        pub(crate) async fn invalidate(&self, id: u64) -> Result<(), Error> {
            self.value_invalidate(id).await
        }

        pub(crate) async fn invalidate_all(&self) -> Result<(), Error> {
            self.value_invalidate_all().await
        }

        pub(crate) fn entry(&self, id: u64) -> cached_redis::Entry<Answer> {
            self.value_entry(id)
        }

        pub(crate) fn key(&self, id: u64) -> String {
            self.entry(id).key().expect("a key")
        }

        pub(crate) fn loads(&self) -> u64 {
            self.loads.load(Ordering::SeqCst)
        }

        /// Waits until a load has begun since `before`.
        pub(crate) async fn loading(&self, before: u64) {
            cached_redis_test_support::poll::until_async("loading", PATIENCE, async || {
                self.loads() > before
            })
            .await;
        }
    }
}
