//! What a hit on a copy allocates: what the clone of its value takes, and nothing else. A program of its own, whose
//! allocator counts for each thread.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::poll::until_async;
use cached_redis_test_support::{Server, each_binary, unique_namespace};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(20);
const HITS: u64 = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
}

impl Product {
    fn new(id: u64) -> Self {
        Self { id, name: format!("product {id}") }
    }
}

/// As an `Arc` is with serde's feature `rc`, which all tests of the workspace would have with this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Product", into = "Product")]
struct Shared(Arc<Product>);

impl From<Product> for Shared {
    fn from(product: Product) -> Self {
        Self(Arc::new(product))
    }
}

impl From<Shared> for Product {
    fn from(shared: Shared) -> Self {
        Self::clone(&shared.0)
    }
}

/// Functions that differ in what changes the way of a hit.
struct Shop {
    cache: Cache,
}

impl Shop {
    #[redis_cached(ttl = "10m", prefix = "shop", local = PATIENCE, skip(self), cache = self.cache)]
    async fn shared(&self, id: u64) -> Shared {
        Product::new(id).into()
    }

    #[redis_cached(ttl = "10m", prefix = "shop", local = PATIENCE, skip(self), cache = self.cache)]
    async fn owned(&self, id: u64) -> Product {
        Product::new(id)
    }

    #[redis_cached(ttl = "10m", prefix = "shop", local = PATIENCE, skip(self), cache = self.cache)]
    async fn fallible(&self, id: u64) -> Result<Option<Shared>, String> {
        Ok(Some(Product::new(id).into()))
    }

    #[redis_cached(ttl = "10m", prefix = "shop", local = PATIENCE, skip(self), cache = self.cache)]
    async fn absent(&self, id: u64) -> Option<Product> {
        (id == 0).then(|| Product::new(id))
    }

    #[redis_cached(
        ttl = "10m", prefix = "shop", local = PATIENCE, skip(self), cache = self.cache,
        tags = ["shelf:{id}", "all"]
    )]
    async fn tagged(&self, id: u64) -> Shared {
        Product::new(id).into()
    }

    #[redis_cached(
        ttl = "10m", prefix = "shop", local(bound = PATIENCE, max_bytes = "1M"), skip(self), cache = self.cache
    )]
    async fn apart(&self, id: u64) -> Shared {
        Product::new(id).into()
    }

    #[redis_cached(ttl = "10m", prefix = "shop", local = PATIENCE, skip(self), cache = self.cache)]
    async fn named(&self, name: &str, page: Option<u32>) -> Shared {
        Product { id: u64::from(page.unwrap_or(0)), name: name.to_owned() }.into()
    }

    fn local_hits(&self) -> u64 {
        self.cache.stats().functions.iter().map(|function| function.local_hits).sum()
    }

    /// Allocations of a hit on a copy, which is made first.
    async fn of_a_hit<T>(&self, call: impl AsyncFn(&Self) -> T) -> u64 {
        until_async("there is a copy", PATIENCE, async || {
            let before = self.local_hits();
            call(self).await;
            self.local_hits() > before
        })
        .await;
        let before = self.local_hits();
        let hits = measure(|| {
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..HITS {
                let poll = pin!(call(self)).poll(&mut context);
                assert!(matches!(poll, Poll::Ready(_)), "a hit on a copy waits for nothing");
            }
        });
        assert_eq!(self.local_hits() - before, HITS);
        assert_eq!(hits.count_current, 0, "allocations that are left behind");
        assert_eq!(hits.count_total % HITS, 0, "{hits:?}");
        hits.count_total / HITS
    }
}

#[test]
fn a_hit_on_a_copy_allocates_what_the_clone_of_its_value_takes() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let cache = Cache::builder().url(server.url()).namespace(unique_namespace("allocations"));
        let shop = Shop { cache: cache.budget(PATIENCE).build().expect("a URL") };
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let name = "a name of thirty-two characters.";
            let counted = [
                ("an Arc", 0, shop.of_a_hit(async |shop| shop.shared(1).await).await),
                ("in a Result", 0, shop.of_a_hit(async |shop| shop.fallible(1).await).await),
                ("an absence", 0, shop.of_a_hit(async |shop| shop.absent(1).await).await),
                ("with tags", 0, shop.of_a_hit(async |shop| shop.tagged(1).await).await),
                ("bounded apart", 0, shop.of_a_hit(async |shop| shop.apart(1).await).await),
                ("of a text", 0, shop.of_a_hit(async |shop| shop.named(name, None).await).await),
                ("a String in it", 1, shop.of_a_hit(async |shop| shop.owned(1).await).await),
            ];
            for (what, expected, found) in counted {
                assert_eq!(found, expected, "{what}: {counted:?}");
            }
        });
    });
}
