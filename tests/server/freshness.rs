//! Freshness on real servers: what it costs, who reloads, and when it ends.

use std::time::Duration;

use cached_redis_test_support::{Server, each_server_async, poll, unique_namespace};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::shop::{Answer, Body, Product, Shop, Wire, body, each_wire, fails, gives, product};
use crate::support::{Failure, PATIENCE};

/// A body that gives this version once it is told to.
fn when_told(version: u64) -> (oneshot::Sender<()>, Body<Answer>) {
    let (tell, told) = oneshot::channel();
    let body = body(async move {
        let _ = told.await;
        product(version)
    });
    (tell, body)
}

/// Waits until a function is answered with this version from the cache.
async fn until_stored(ask: impl AsyncFn(Body<Answer>) -> Answer, version: u64) {
    poll::until_async("stored", PATIENCE, async || ask(fails()).await == product(version)).await;
}

#[test]
fn a_stale_hit_is_one_get() {
    each_wire(async |server, shop, wire| {
        shop.aging(1, gives(1)).await.expect("a value");
        assert!(shop.aging_entry(1).expire().await.expect("a server"));
        let (tell, slow) = when_told(2);
        assert_eq!(shop.aging(1, slow).await, product(1));
        shop.loading(1).await;
        server.reset_commandstats();
        for _ in 0..100 {
            assert_eq!(shop.aging(1, gives(3)).await, product(1));
        }
        let gets = if wire == Wire::Tracked { 100 } else { 200 };
        let commands = server.commandstats();
        assert_eq!(commands.get("get"), Some(&gets), "{commands:?}");
        assert_eq!(commands.len(), 1, "{commands:?}");
        tell.send(()).expect("it waits");
        until_stored(async |body| shop.aging(1, body).await, 2).await;
        let stats = shop.stats("aging");
        assert!(stats.stale_hits >= 101, "{stats:?}");
        assert_eq!((stats.reloads, stats.failed_reloads), (1, 0), "{stats:?}");
    });
}

#[test]
fn a_reload_is_two_scripts_behind_one_get() {
    each_wire(async |server, shop, wire| {
        shop.aging(1, gives(1)).await.expect("a value");
        shop.aging_entry(1).expire().await.expect("a server");
        server.reset_commandstats();
        assert_eq!(shop.aging(1, gives(2)).await, product(1));
        poll::until_async("reloaded", PATIENCE, async || {
            shop.cache.stats().running_reloads == 0 && shop.stats("aging").stored == 2
        })
        .await;
        let commands = server.commandstats();
        // Over RESP2, the generation of the function is asked for before the load, by one more script.
        let scripts = if wire == Wire::Tracked { 2 } else { 3 };
        assert_eq!(commands.get("evalsha"), Some(&scripts), "ACQUIRE, FILL: {commands:?}");
        assert_eq!(shop.aging(1, gives(3)).await, product(2));
    });
}

#[tokio::test]
async fn of_all_nodes_one_reloads() {
    each_server_async(async |server| {
        let namespace = unique_namespace("one");
        let node = |wire: Wire| Shop::at(&wire.url(server), &namespace).connected();
        let nodes = [node(Wire::Tracked).await, node(Wire::Tracked).await, node(Wire::Resp2).await];
        nodes[0].aging(1, gives(1)).await.expect("a value");
        nodes[0].aging_entry(1).expire().await.expect("a server");
        let mut callers = JoinSet::new();
        let mut tells = Vec::new();
        for caller in 0..60 {
            let shop = nodes[caller % nodes.len()].clone();
            let (tell, slow) = when_told(2);
            tells.push(tell);
            callers.spawn(async move { shop.aging(1, slow).await });
        }
        for answer in callers.join_all().await {
            assert_eq!(answer, product(1), "nobody waits");
        }
        poll::until_async("somebody reloads", PATIENCE, async || loads(&nodes) == 2).await;
        for tell in tells {
            let _ = tell.send(());
        }
        until_stored(async |body| nodes[0].aging(1, body).await, 2).await;
        for shop in &nodes {
            poll::until_async("quiet", PATIENCE, async || shop.cache.stats().running_reloads == 0)
                .await;
        }
        assert_eq!(loads(&nodes), 2, "the first load, and one reload");
    })
    .await;
}

fn loads(nodes: &[Shop]) -> u64 {
    nodes.iter().map(Shop::loads).sum()
}

/// A node whose values are fresh for a moment only.
async fn short_lived(server: &Server, wire: Wire) -> Shop {
    let shop = Shop::at(&wire.url(server), &unique_namespace("short"));
    let shop = Shop { ttl: Duration::from_millis(100), ..shop };
    shop.connected().await
}

#[tokio::test]
async fn a_stale_value_ends() {
    each_server_async(async |server| {
        for wire in [Wire::Tracked, Wire::Resp2] {
            let grace = Duration::from_millis(200);
            let shop = Shop { grace, ..short_lived(server, wire).await };
            // Its reloads fail, so nothing but time ends it.
            poll::until_async("stale", PATIENCE, async || {
                // Not there yet, or a pause of the machine was longer than its life.
                if shop.aging(1, fails()).await.is_err() {
                    shop.aging(1, gives(1)).await.expect("a value");
                }
                shop.stats("aging").failed_reloads > 0
            })
            .await;
            poll::until_async("over", PATIENCE, async || shop.aging(1, fails()).await.is_err())
                .await;
            // The server's clock is known to within a round trip only, and better after that load.
            poll::until_async("over by every clock", PATIENCE, async || {
                shop.aging_entry(1).get().await.expect("a server").is_none()
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_last_good_value_stands_in_for_a_failure() {
    each_server_async(async |server| {
        for wire in [Wire::Tracked, Wire::Resp2] {
            let shop = short_lived(server, wire).await;
            shop.enduring(1, gives(1)).await.expect("a value");
            poll::until_async("no longer fresh", PATIENCE, async || {
                assert_eq!(shop.enduring(1, fails()).await, product(1));
                shop.stats("enduring").fallbacks > 0
            })
            .await;
            // For a while nobody tries again, on no node.
            let other = Shop::with(shop.cache.clone());
            let loads = (shop.loads(), other.loads());
            for _ in 0..20 {
                assert_eq!(shop.enduring(1, gives(2)).await, product(1));
                assert_eq!(other.enduring(1, gives(2)).await, product(1));
            }
            assert_eq!((shop.loads(), other.loads()), loads);
            // What an invalidation has removed stands in for nothing.
            shop.enduring_entry(1).invalidate().await.expect("a server");
            assert_eq!(shop.enduring(1, fails()).await, Err(Failure));
            assert_eq!(shop.enduring(1, gives(3)).await, product(3));
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_load_goes_on_behind_the_last_good_value() {
    each_server_async(async |server| {
        for wire in [Wire::Tracked, Wire::Resp2] {
            let shop = short_lived(server, wire).await;
            shop.enduring(1, gives(1)).await.expect("a value");
            assert!(shop.enduring_entry(1).expire().await.expect("a server"));
            let (tell, slow) = when_told(2);
            assert_eq!(shop.enduring(1, slow).await, product(1));
            assert_eq!(shop.cache.stats().running_reloads, 1);
            tell.send(()).expect("it goes on");
            shop.cache.shutdown().await;
            assert_eq!(shop.stats("enduring").stored, 2);
        }
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_waits_for_what_runs_behind_the_answers() {
    each_server_async(async |server| {
        for wire in [Wire::Tracked, Wire::Resp2] {
            let shop = Shop::at(&wire.url(server), &unique_namespace("drain")).connected().await;
            let mut tells = Vec::new();
            for id in 0..10 {
                shop.aging(id, gives(1)).await.expect("a value");
                shop.aging_entry(id).expire().await.expect("a server");
                let (tell, slow) = when_told(2);
                assert_eq!(shop.aging(id, slow).await, product(1));
                tells.push(tell);
            }
            shop.loading(19).await;
            let drained = tokio::spawn({
                let cache = shop.cache.clone();
                async move { cache.shutdown().await }
            });
            for tell in tells {
                assert!(!drained.is_finished());
                tell.send(()).expect("it runs");
            }
            drained.await.expect("no panic");
            assert_eq!(shop.cache.stats().running_reloads, 0);
            let loads = shop.loads();
            for id in 0..10 {
                assert_eq!(shop.aging(id, gives(3)).await, product(2), "stored before the end");
                shop.aging_entry(id).expire().await.expect("a server");
                assert_eq!(shop.aging(id, gives(3)).await, product(2), "still answered");
            }
            assert_eq!(shop.loads(), loads, "nothing begins any more");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hit_renews_a_sliding_life() {
    each_server_async(async |server| {
        for wire in [Wire::Tracked, Wire::Resp2] {
            let shop = Shop::at(&wire.url(server), &unique_namespace("sliding"));
            let shop = Shop { ttl: Duration::from_secs(5), ..shop }.connected().await;
            shop.sliding(1, gives(1)).await.expect("a value");
            let entry = shop.sliding_entry(1);
            let left = async || entry.ttl().await.expect("a server").expect("an entry");
            poll::until_async("aged by a tenth", PATIENCE, async || {
                left().await < Duration::from_millis(4_400)
            })
            .await;
            let before = left().await;
            assert_eq!(shop.sliding(1, gives(2)).await, product(1));
            assert!(left().await > before);
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_that_has_not_changed_is_not_sent_again() {
    each_server_async(async |server| {
        for wire in [Wire::Tracked, Wire::Resp2] {
            let shop = short_lived(server, wire).await;
            shop.aging(1, gives(1)).await.expect("a value");
            shop.aging_entry(1).expire().await.expect("a server");
            let written = shop.stats("aging").bytes_written;
            let unchanged = body(async {
                Ok(cached_redis::previous::<Product>().expect("the stored value").keep())
            });
            assert_eq!(shop.aging(1, unchanged).await, product(1));
            poll::until_async("kept", PATIENCE, async || shop.stats("aging").not_modified == 1)
                .await;
            assert_eq!(shop.stats("aging").bytes_written, written);
        }
    })
    .await;
}
