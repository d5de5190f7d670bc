//! Groups on real servers: what they cost, and who sees an invalidation.

use std::collections::BTreeMap;
use std::time::Duration;

use cached_redis::Cache;
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Mode, Proxy, Server, each_binary, each_server, unique_namespace};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::shop::{Answer, Product, Shop, Wire, body, each_wire, gives, product};
use crate::support::{PATIENCE, connection_of_the_users_own};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(command, count)| ((*command).to_owned(), *count)).collect()
}

fn of_brand(version: u64, brand: u64) -> Answer {
    Ok(Product { version, brand })
}

#[test]
fn a_hit_in_groups_costs_one_get_where_the_server_tells_what_changes() {
    each_wire(async |server, shop, wire| {
        shop.shelved(1, 1, gives(1)).await.expect("a value");
        shop.branded(1, gives(1)).await.expect("a value");
        // The second hit on: it takes one to learn the groups that the value names.
        shop.branded(1, gives(2)).await.expect("a value");
        server.reset_commandstats();
        for _ in 0..100 {
            assert_eq!(shop.shelved(1, 1, gives(2)).await, product(1));
            assert_eq!(shop.branded(1, gives(2)).await, product(1));
        }
        let commands = match wire {
            Wire::Tracked => counted(&[("get", 200)]),
            // A script reads the entry and the generations of its two groups.
            Wire::Resp2 => counted(&[("evalsha", 200), ("get", 200 * 3)]),
        };
        assert_eq!(server.commandstats(), commands);
    });
}

#[test]
fn invalidating_a_group_is_one_command_however_large_it_is() {
    const ENTRIES: u64 = 10_000;
    each_wire(async |server, shop, _| {
        // Not all at once: the last ones would be too late to be stored.
        for batch in 0..ENTRIES / 100 {
            let mut loads = JoinSet::new();
            for id in 100 * batch..100 * (batch + 1) {
                let shop = shop.clone();
                loads.spawn(async move { shop.shelved(1, id, gives(1)).await });
            }
            assert!(loads.join_all().await.iter().all(|answer| *answer == product(1)));
        }
        let some = [(1, 0), (1, ENTRIES / 2), (1, ENTRIES - 1), (2, 0)];
        let stored = async || {
            let mut stored = Vec::new();
            for (shelf, id) in some {
                let entry = shop.shelved_entry(shelf, id);
                stored.push(entry.get().await.expect("a server").is_some());
            }
            stored
        };
        for (shelf, id) in some {
            shop.shelved(shelf, id, gives(1)).await.expect("a value");
        }
        assert_eq!(stored().await, [true, true, true, true]);

        server.reset_commandstats();
        shop.cache.invalidate_tag("shelf:1").await.expect("a server");
        assert_eq!(server.commandstats().get("evalsha"), Some(&1));
        assert_eq!(stored().await, [false, false, false, true]);

        server.reset_commandstats();
        shop.shelved_invalidate_all().await.expect("a server");
        assert_eq!(server.commandstats().get("evalsha"), Some(&1));
        assert_eq!(stored().await, [false; 4]);
        let left: u64 = server.command(&["DBSIZE"]).parse().expect("a number");
        assert!(left > ENTRIES * 9 / 10, "they were there, and nobody has visited them: {left}");
        server.command(&["FLUSHALL"]);
    });
}

/// What may happen between a hit and an invalidation.
const TROUBLE: [&[&str]; 4] = [
    &["PING"],
    &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
    &["FLUSHALL"],
    &["SCRIPT", "FLUSH"],
];

#[test]
fn an_invalidation_is_seen_at_once_by_every_node_whatever_happened_to_its_connection() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let namespace = unique_namespace("seen");
            let node = |wire: Wire| Shop::at(&wire.url(&server), &namespace).connected();
            let nodes = [node(Wire::Tracked).await, node(Wire::Tracked).await];
            let nodes = [nodes, [node(Wire::Resp2).await, node(Wire::Resp2).await]].concat();
            for round in 0..60 {
                let old = 2 * round;
                for shop in &nodes {
                    assert_eq!(shop.shelved(1, 1, gives(old)).await, product(old));
                    assert_eq!(shop.branded(1, gives(old)).await, product(old));
                }
                let happens = TROUBLE[fastrand::usize(..TROUBLE.len())];
                server.command(happens);
                let writer = &nodes[fastrand::usize(..nodes.len())];
                match round % 3 {
                    0 => writer.cache.invalidate_tag("shelf:1").await.expect("a server"),
                    1 => writer.shelved_invalidate_all().await.expect("a server"),
                    _ => writer.shelved_entry(1, 1).invalidate().await.expect("a server"),
                }
                match round % 2 {
                    0 => writer.cache.invalidate_tag("brand:1").await.expect("a server"),
                    _ => writer.branded_invalidate_all().await.expect("a server"),
                }
                for shop in &nodes {
                    // Whoever comes first loads.
                    let new = gives(old + 1);
                    assert_eq!(shop.shelved(1, 1, new).await, product(old + 1), "{happens:?}");
                    let new = gives(old + 1);
                    assert_eq!(shop.branded(1, new).await, product(old + 1), "{happens:?}");
                }
                nodes[0].cache.invalidate_tag("shelf:1").await.expect("a server");
                nodes[0].cache.invalidate_tag("brand:1").await.expect("a server");
            }
        });
    });
}

#[test]
fn an_invalidation_by_another_process_is_seen_at_once() {
    const TEST: &str = "groups::an_invalidation_by_another_process_is_seen_at_once";
    if let Some(arguments) = process::role("invalidator") {
        let [url, namespace] = &arguments[..] else { panic!("{arguments:?}") };
        runtime().block_on(async {
            let shop = Shop::at(url, namespace).connected().await;
            process::say("ready");
            while let Some(tag) = process::hear() {
                shop.cache.invalidate_tag(&tag).await.expect("a server");
                process::say("done");
            }
        });
        return;
    }
    each_server(|server| {
        let namespace = unique_namespace("groups");
        let mut child = Child::spawn_self("invalidator", TEST, &[server.url(), &namespace]);
        assert_eq!(child.line(), "ready");
        runtime().block_on(async {
            for wire in [Wire::Tracked, Wire::Resp2] {
                let shop = Shop::at(&wire.url(server), &namespace).connected().await;
                for version in 1..50 {
                    assert_eq!(shop.shelved(1, 1, gives(version)).await, product(version));
                    assert_eq!(shop.branded(1, gives(version)).await, product(version));
                    for tag in ["shelf:1", "brand:1"] {
                        child.send(tag);
                        assert_eq!(child.line(), "done");
                    }
                }
                shop.shelved_invalidate_all().await.expect("a server");
                shop.branded_invalidate_all().await.expect("a server");
            }
        });
        assert!(child.finish());
    });
}

/// A load of the old value begins, `invalidate` comes between, the load ends.
async fn race(
    shop: &Shop,
    ask: impl AsyncFn(&Shop, crate::shop::Body<Answer>) -> Answer + Copy + 'static,
    invalidate: impl AsyncFn(&Shop),
) {
    let (end, ended) = oneshot::channel::<()>();
    let loads = shop.loads();
    let slow = body(async move {
        let _ = ended.await;
        of_brand(1, 7)
    });
    let meanwhile = async {
        shop.loading(loads).await;
        invalidate(shop).await;
        // While the old load is still running: this call must not join it.
        assert_eq!(ask(shop, body(async { of_brand(2, 7) })).await, of_brand(2, 7));
        let _ = end.send(());
    };
    let (old, ()) = tokio::join!(ask(shop, slow), meanwhile);
    assert_eq!(old, of_brand(1, 7));
    assert_eq!(ask(shop, body(async { of_brand(3, 7) })).await, of_brand(2, 7));
}

#[test]
fn a_load_under_way_when_its_group_is_invalidated_leaves_nothing_behind() {
    each_wire(async |_, shop, _| {
        race(
            &shop,
            async |shop, body| shop.shelved(1, 1, body).await,
            async |shop| {
                shop.cache.invalidate_tag("shelf:1").await.expect("a server");
            },
        )
        .await;
        race(
            &shop,
            async |shop, body| shop.shelved(1, 2, body).await,
            async |shop| {
                shop.shelved_invalidate_all().await.expect("a server");
            },
        )
        .await;
        // Which group it is in is only known when it has ended.
        race(
            &shop,
            async |shop, body| shop.branded(1, body).await,
            async |shop| {
                shop.cache.invalidate_tag("brand:7").await.expect("a server");
            },
        )
        .await;
    });
}

#[test]
fn a_server_that_does_not_tell_what_changes_is_asked() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        server.command(&["ACL", "SETUSER", "deaf", "on", ">pw", "~*", "&*", "+@all", "-client"]);
        let deaf = server.url().replace("redis://", "redis://deaf:pw@");
        is_asked(&server, &deaf);
        // No rule can forbid HELLO, but a server or a proxy may not know it.
        let old = Server::start(binary, &["--rename-command", "HELLO", "WHATEVER"]);
        is_asked(&old, old.url());
    });
}

fn is_asked(server: &Server, url: &str) {
    runtime().block_on(async {
        let namespace = unique_namespace("asked");
        let shop = Shop::at(url, &namespace).connected().await;
        let other = Shop::at(url, &namespace).connected().await;
        works_on(server, &shop, &other).await;
    });
}

/// As over RESP2.
async fn works_on(server: &Server, shop: &Shop, other: &Shop) {
    shop.plain(1, gives(1)).await.expect("a value");
    server.reset_commandstats();
    assert_eq!(shop.plain(1, gives(2)).await, product(1));
    assert_eq!(server.commandstats(), counted(&[("get", 2)]));
    for version in 1..20 {
        assert_eq!(shop.branded(1, gives(version)).await, product(version));
        other.cache.invalidate_tag("brand:1").await.expect("a server");
    }
    assert_eq!(shop.stats("branded").errors, BTreeMap::new());
}

#[test]
fn groups_over_a_connection_of_the_users_own() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let connection = connection_of_the_users_own(&server).await;
            let cache = || {
                let builder = Cache::builder().namespace("own").connection(connection.clone());
                builder.budget(PATIENCE).build().expect("valid")
            };
            works_on(&server, &Shop::with(cache()), &Shop::with(cache())).await;
        });
    });
}

#[test]
fn what_was_known_of_groups_ends_with_the_connection() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let proxy = Proxy::start(server.port());
        runtime().block_on(async {
            let namespace = unique_namespace("cut");
            let near = Shop::at(server.url(), &namespace).connected().await;
            let far = Shop::at(&proxy.url(), &namespace).connected().await;
            for version in 1..20 {
                assert_eq!(far.branded(1, gives(version)).await, product(version));
                // Nothing that the server says reaches the node any more.
                proxy.set(Mode::BlackHole);
                near.cache.invalidate_tag("brand:1").await.expect("a server");
                proxy.set(Mode::Pass);
                proxy.cut();
                // The first may find the cache away.
                assert_eq!(far.branded(1, gives(version + 1)).await, product(version + 1));
                near.cache.invalidate_tag("brand:1").await.expect("a server");
            }
        });
        assert!(proxy.accepted() > 10);
    });
}

#[test]
fn generations_live_as_long_as_the_entries_that_carry_them_and_not_for_ever() {
    each_wire(async |server, shop, _| {
        let short = Shop { ttl: Duration::from_secs(1), ..shop.clone() };
        short.shelved(1, 1, gives(1)).await.expect("a value");
        short.branded(1, gives(1)).await.expect("a value");
        // Not the key with which a connection tries whether changes are reported.
        let keys = server.command(&["KEYS", "*:generation:{[0-9a-f][0-9a-f]*"]);
        let left = |key: &str| server.command(&["TTL", key]).parse::<u64>().expect("a life");
        for key in keys.lines() {
            assert!((60..300).contains(&left(key)), "{} s", left(key));
        }
        // One of them belongs to entries with a longer life as well.
        shop.shelved(1, 2, gives(1)).await.expect("a value");
        let longest = keys.lines().map(left).max().expect("a generation");
        assert!(longest > 600, "{longest} s");
        short.shelved(1, 3, gives(1)).await.expect("a value");
        assert!(keys.lines().map(left).max().expect("a generation") > 600, "and stays for them");
        server.command(&["FLUSHALL"]);
    });
}

/// The generations vanish, and nobody is told: what this process knows of them is wrong.
#[test]
fn a_group_whose_generation_has_vanished_unnoticed_can_be_invalidated() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            for by_itself in [true, false] {
                let namespace = unique_namespace("vanished");
                let shop = Shop::at(server.url(), &namespace).connected().await;
                let other = Shop::at(server.url(), &namespace).connected().await;
                let writer = if by_itself { &shop } else { &other };
                let mut version = 0;
                let mut ask = async |new| {
                    let found = shop.shelved(1, 2, gives(new)).await.expect("a value");
                    assert_eq!(shop.branded(2, gives(new)).await, product(found.version));
                    version = found.version;
                    version
                };
                shop.shelved(1, 1, gives(1)).await.expect("a value");
                shop.branded(1, gives(1)).await.expect("a value");
                server.command(&["SWAPDB", "0", "1"]);
                assert_eq!(ask(1).await, 1, "stored with what was known");
                assert_eq!(ask(2).await, 1);
                writer.cache.invalidate_tag("shelf:1").await.expect("a server");
                writer.cache.invalidate_tag("brand:1").await.expect("a server");
                assert_eq!(ask(2).await, 2, "by itself: {by_itself}");
                // Also on a server that is full.
                server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
                server.command(&["SWAPDB", "0", "2"]);
                assert_eq!(ask(3).await, 3, "stored with what was known");
                server.command(&["CONFIG", "SET", "maxmemory", "1"]);
                writer.shelved_invalidate_all().await.expect("a server");
                writer.branded_invalidate_all().await.expect("a server");
                server.command(&["CONFIG", "SET", "maxmemory", "0"]);
                assert_eq!(ask(4).await, 4, "by itself: {by_itself}");
            }
        });
    });
}
