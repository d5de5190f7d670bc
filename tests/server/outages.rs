//! Without a server, calls neither panic nor fail nor wait.

use std::time::Duration;

use cached_redis::Cache;
use cached_redis_test_support::{Server, Stopwatch, each_binary, poll, unique_namespace};

use crate::loads::{Loads, cache_at, connected, runtime, value, value_entry, value_invalidate};
use crate::support::PATIENCE;

/// In all, for calls with instant loads. Elsewhere a single one takes from 0.5 to 76 seconds.
const TWENTY_CALLS: Duration = Duration::from_secs(1);

/// Hits that are back within this time after the server is.
const HITS_ARE_BACK: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outage {
    NotRunningAtStart,
    KilledAfterWarmUp,
    Frozen,
}

impl Outage {
    async fn begin(self, server: &Server) -> Cache {
        if self == Self::NotRunningAtStart {
            server.kill();
            return cache_at(server.url(), &unique_namespace("test"));
        }
        let cache = connected(server.url()).await;
        for id in 0..20 {
            cache.scope(value(id, async { id })).await;
        }
        if self == Self::Frozen {
            server.stop()
        } else {
            server.kill()
        }
        cache
    }

    fn end(self, server: &Server) {
        if self == Self::Frozen { server.cont() } else { server.restart() }
    }
}

fn twenty_calls_during(outage: Outage) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let cache = outage.begin(&server).await;
            let loads = Loads::default();
            let stopwatch = Stopwatch::start();
            for id in 0..20 {
                assert_eq!(cache.scope(value(id, loads.gives(100 + id))).await, 100 + id);
            }
            let took = stopwatch.elapsed();
            eprintln!("{outage:?}, 20 calls: {took:?}");
            assert!(took < TWENTY_CALLS, "{outage:?}: {took:?}");
            assert_eq!(loads.begun(), 20, "each ran the function");

            outage.end(&server);
            let stopwatch = Stopwatch::start();
            cache.scope(hits_again(50)).await;
            let took = stopwatch.elapsed();
            assert!(took < HITS_ARE_BACK, "{outage:?}: {took:?}");
        });
    });
}

async fn hits_again(id: u64) {
    let loads = Loads::default();
    poll::until_async("hits are back", PATIENCE, async || {
        value(id, loads.gives(1)).await;
        let before = loads.begun();
        value(id, loads.gives(1)).await;
        loads.begun() == before
    })
    .await;
}

// cached: the first call panics, later ones return the cache's error and never run the function, and
// the connection stays broken once Redis is back. cacheable, oxcache and multi-tier-cache do not even
// start. hitbox takes 18.9 s for each call.
#[test]
fn twenty_calls_without_a_server_at_the_start() {
    twenty_calls_during(Outage::NotRunningAtStart);
}

// cached: an error at once, or after 9.45 s. hitbox, cacheable, oxcache, multi-tier-cache: the value,
// after 9 to 76 s for each call.
#[test]
fn twenty_calls_after_the_server_was_killed() {
    twenty_calls_during(Outage::KilledAfterWarmUp);
}

// From 0.5 to 5.4 s for each call, and fred waits without end.
#[test]
fn twenty_calls_of_a_frozen_server() {
    twenty_calls_during(Outage::Frozen);
}

// The same for what talks to the cache on purpose: an error, soon.
#[test]
fn helpers_without_a_server_say_so_at_once() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let cache = Outage::NotRunningAtStart.begin(&server).await;
            let stopwatch = Stopwatch::start();
            cache
                .scope(async {
                    for id in 0..20 {
                        assert!(value_invalidate(id).await.is_err());
                        // Of this one, an outstanding invalidation says that it holds nothing.
                        assert!(value_entry(id).get().await.is_ok_and(|value| value.is_none()));
                        assert!(value_entry(id + 100).get().await.is_err());
                        assert!(value_entry(id).put(1).await.is_err());
                    }
                })
                .await;
            assert!(!cache.health().await.is_up());
            let took = stopwatch.elapsed();
            assert!(took < TWENTY_CALLS, "{took:?}");
        });
    });
}
