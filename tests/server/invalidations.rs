//! Invalidations while a load runs, and writes that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cached_redis::{Cache, invalidates, redis_cached};
use cached_redis_test_support::{Server, each_server, unique_namespace};
use tokio::sync::Semaphore;

use crate::loads::{Loads, each_own_cache, patient, runtime};

/// A price in a database, and a gate at which a load stops after it has read it.
struct Shop {
    cache: Cache,
    price: AtomicU64,
    loads: Loads,
    gate: Semaphore,
    at_the_gate: Semaphore,
}

#[derive(Debug, PartialEq)]
struct Refused;

impl Shop {
    fn new(cache: Cache) -> Arc<Self> {
        Arc::new(Self {
            cache,
            price: AtomicU64::new(1),
            loads: Loads::default(),
            gate: Semaphore::new(0),
            at_the_gate: Semaphore::new(0),
        })
    }

    #[redis_cached(ttl = 600, prefix = "test", skip(self, hold), cache = self.cache)]
    async fn price(&self, id: u64, hold: bool) -> u64 {
        let _ = id;
        self.loads.begin();
        let price = self.price.load(Ordering::SeqCst);
        if hold {
            self.at_the_gate.add_permits(1);
            self.gate.acquire().await.expect("never closed").forget();
        }
        price
    }

    #[invalidates(self.price(id))]
    async fn set_price(&self, id: u64, price: u64) -> Result<(), Refused> {
        let _ = id;
        if price == 0 {
            return Err(Refused);
        }
        self.price.store(price, Ordering::SeqCst);
        Ok(())
    }

    #[invalidates(self.price(..))]
    async fn set_all_prices(&self, price: u64) {
        self.price.store(price, Ordering::SeqCst);
    }

    /// Starts a load that has read the price, and waits for [`go_on`](Self::go_on).
    async fn held_load(self: &Arc<Self>) -> tokio::task::JoinHandle<u64> {
        let shop = Arc::clone(self);
        let load = tokio::spawn(async move { shop.price(1, true).await });
        self.at_the_gate.acquire().await.expect("never closed").forget();
        load
    }

    fn go_on(&self) {
        self.gate.add_permits(1);
    }
}

/// A load has read the old price; `write` a new one; nobody who asks afterwards sees the old one.
fn nobody_sees_the_old_price(write: impl AsyncFn(&Server, &Shop)) {
    each_server(|server| {
        runtime().block_on(async {
            let namespace = unique_namespace("test");
            let shop = Shop::new(patient(server.url(), &namespace).await);
            let elsewhere = Shop::new(patient(server.url(), &namespace).await);
            elsewhere.price.store(2, Ordering::SeqCst);
            for after_the_load in [false, true] {
                shop.price.store(1, Ordering::SeqCst);
                shop.price_invalidate_all().await.expect("a server");
                let old = shop.held_load().await;
                write(server, &shop).await;
                if after_the_load {
                    shop.go_on();
                    assert_eq!(old.await.expect("no panic"), 1);
                    assert_eq!(elsewhere.price(1, false).await, 2);
                    assert_eq!(shop.price(1, false).await, 2);
                } else {
                    // The old load is still under way: nobody may join it.
                    assert_eq!(shop.price(1, false).await, 2);
                    assert_eq!(elsewhere.price(1, false).await, 2);
                    shop.go_on();
                    assert_eq!(old.await.expect("no panic"), 1);
                }
                let loads = shop.loads.begun();
                assert_eq!(shop.price(1, false).await, 2);
                assert_eq!(shop.loads.begun(), loads, "a hit");
            }
        });
    });
}

// All Rust crates examined: the load ends, and stores the old value for its whole TTL. All that share
// a load also hand it to callers that come after the invalidation.
#[test]
fn a_load_that_began_before_a_write_stores_nothing_and_is_not_joined() {
    nobody_sees_the_old_price(async |_, shop| shop.set_price(1, 2).await.expect("not zero"));
}

#[test]
fn a_load_that_began_before_a_write_of_all_stores_nothing_and_is_not_joined() {
    nobody_sees_the_old_price(async |_, shop| shop.set_all_prices(2).await);
}

#[test]
fn a_load_that_began_before_a_flush_by_hand_stores_nothing_and_is_not_joined() {
    nobody_sees_the_old_price(async |server, shop| {
        shop.price.store(2, Ordering::SeqCst);
        let key = shop.price_entry(1).key().expect("a key");
        assert_eq!(server.command(&["UNLINK", key.as_str()]), "1");
    });
}

// cacheable invalidates although the write was refused: each refused write costs a load.
#[test]
fn a_write_that_fails_invalidates_nothing() {
    each_own_cache(async |server, cache| {
        let shop = Shop::new(cache);
        assert_eq!(shop.price(1, false).await, 1);
        server.reset_commandstats();
        assert_eq!(shop.set_price(1, 0).await, Err(Refused));
        assert!(server.commandstats().is_empty(), "{:?}", server.commandstats());
        assert_eq!(shop.price(1, false).await, 1);
        assert_eq!(shop.loads.begun(), 1);
        shop.set_price(1, 2).await.expect("not zero");
        assert_eq!(shop.price(1, false).await, 2);
    });
}
