//! Long values travel on a connection of their own, and nothing else changes.

use std::sync::Arc;
use std::time::Instant;

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Mode, Proxy, Server, each_binary, poll, unique_namespace};
use tokio::sync::Notify;

use crate::loads::{Loads, patient, runtime, value};
use crate::support::PATIENCE;

const LENGTH: usize = 512 << 10;
/// What arrives of a long reply before it is held back.
const BEGINNING: usize = 64 << 10;

/// Half a megabyte that ends with a version.
#[redis_cached(ttl = 600, prefix = "long", tags = ["report:{id}"], skip(load))]
async fn report_by<F: Future<Output = String>>(id: u64, load: F) -> String {
    load.await
}

async fn report(id: u64, loads: &Loads, version: u64) -> String {
    let load = async {
        loads.begin();
        text(version)
    };
    report_by(id, load).await
}

/// A load that says when it has begun, and waits.
async fn report_after(id: u64, begun: &Notify, gate: &Notify, version: u64) -> String {
    let load = async {
        begun.notify_one();
        gate.notified().await;
        text(version)
    };
    report_by(id, load).await
}

fn text(version: u64) -> String {
    let number = version.to_string();
    "0".repeat(LENGTH - number.len()) + &number
}

fn version_of(text: &str) -> u64 {
    assert_eq!(text.len(), LENGTH);
    text.parse().expect("a number")
}

/// What the clients of the cache did last, one word for each connection.
fn last_commands(server: &Server) -> Vec<String> {
    let list = server.command(&["CLIENT", "LIST"]);
    let commands = list.lines().filter_map(|line| {
        let (_, rest) = line.split_once(" cmd=")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    let mut commands: Vec<_> = commands.filter(|command| command != "client|list").collect();
    commands.retain(|command| command != "client");
    commands.sort();
    commands
}

/// Reads the report until it is read on a connection of its own.
async fn until_there_is_a_lane(server: &Server, loads: &Loads) {
    poll::until_async("long values have their own connection", PATIENCE, async || {
        value(0, loads.gives(0)).await;
        report(0, loads, 0).await;
        last_commands(server) == ["get", "get"]
    })
    .await;
}

/// A server, and a cache behind a proxy.
struct Behind {
    server: Server,
    proxy: Proxy,
    namespace: String,
    cache: Cache,
}

/// On each kind of server.
fn each_proxied(test: impl AsyncFn(&Behind)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let proxy = Proxy::start(server.port());
        runtime().block_on(async {
            let namespace = unique_namespace("test");
            let cache = patient(&proxy.url(), &namespace).await;
            let behind = Behind { server, proxy, namespace, cache };
            behind.cache.scope(test(&behind)).await;
        });
    });
}

#[test]
fn short_values_do_not_wait_behind_long_ones() {
    each_proxied(async |Behind { server, proxy, cache, .. }| {
        let loads = Arc::new(Loads::default());
        until_there_is_a_lane(server, &loads).await;
        let loaded = loads.begun();
        server.reset_commandstats();

        proxy.set(Mode::Hold(BEGINNING));
        let long = {
            let (cache, loads) = (cache.clone(), Arc::clone(&loads));
            tokio::spawn(async move { cache.scope(report(0, &loads, 1)).await })
        };
        let sent = async || server.commandstats().contains_key("get");
        poll::until_async("the long value is asked for", PATIENCE, sent).await;
        for _ in 0..100 {
            value(0, async { unreachable!("it is stored") }).await;
        }
        assert!(!long.is_finished());

        proxy.set(Mode::Pass);
        assert_eq!(version_of(&long.await.expect("no panic")), 0);
        assert_eq!(loads.begun(), loaded);
    });
}

#[test]
fn long_values_are_stored_beside_short_ones() {
    each_proxied(async |Behind { server, .. }| {
        let loads = Loads::default();
        until_there_is_a_lane(server, &loads).await;
        report_by_entry(1).put(text(1)).await.expect("a server");
        value(0, loads.gives(0)).await;
        // The lease was asked for on the first connection, where a hit came after it.
        assert_eq!(last_commands(server), ["evalsha", "get"]);
        assert_eq!(version_of(&report(1, &loads, 2).await), 1);
    });
}

#[test]
fn a_function_of_short_values_opens_no_second_connection() {
    each_proxied(async |Behind { proxy, .. }| {
        let loads = Loads::default();
        for id in 0..200 {
            value(id % 100, loads.gives(id)).await;
        }
        assert_eq!(proxy.accepted(), 1);
    });
}

#[test]
fn nothing_stale_is_read_beside() {
    each_proxied(async |Behind { server, proxy, namespace, cache }| {
        let loads = Loads::default();
        until_there_is_a_lane(server, &loads).await;
        let elsewhere = patient(&proxy.url(), namespace).await;
        for version in 1..=60 {
            let by = if version % 2 == 0 { cache } else { &elsewhere };
            match version % 3 {
                0 => by.invalidate_tag("report:0").await,
                1 => by.scope(report_by_invalidate(0)).await,
                _ => by.scope(report_by_invalidate_all()).await,
            }
            .expect("a server");
            assert_eq!(version_of(&report(0, &loads, version).await), version);
            // A hit, which knows the groups of what it reads.
            assert_eq!(version_of(&report(0, &loads, u64::MAX).await), version);
        }
    });
}

/// A removal is reported on the lane, where the call reads, before it is on the first connection, whose knowledge tells
/// whether the call may share a load that has begun before.
#[test]
fn a_load_that_began_before_a_removal_is_not_shared_after_it() {
    each_proxied(async |Behind { server, proxy, namespace, cache }| {
        let loads = Loads::default();
        until_there_is_a_lane(server, &loads).await;
        report_by_invalidate(0).await.expect("a server");
        let (begun, gate) = (Notify::new(), Notify::new());
        let old = report_after(0, &begun, &gate, 1);
        let removed = async {
            begun.notified().await;
            proxy.set(Mode::HoldFirst);
            let elsewhere = patient(server.url(), namespace).await;
            elsewhere.invalidate_tag("report:0").await.expect("a server");
            let asked = server.commandstats()["get"];
            let new = async {
                assert_eq!(version_of(&cache.scope(report(0, &loads, 2)).await), 2);
            };
            let go_on = async {
                let sent = async || server.commandstats()["get"] > asked;
                poll::until_async("the entry is read again", PATIENCE, sent).await;
                // What has been held back arrives in its order, and then this.
                proxy.set(Mode::Pass);
                value(0, loads.gives(0)).await;
                gate.notify_one();
            };
            tokio::join!(new, go_on);
        };
        let (old, ()) = tokio::join!(old, removed);
        assert!([1, 2].contains(&version_of(&old)));
    });
}

#[test]
fn without_a_second_connection_the_first_one_carries_all() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let cache = patient(server.url(), &unique_namespace("test")).await;
            cache.scope(refused_a_second_connection(&server)).await;
        });
    });
}

async fn refused_a_second_connection(server: &Server) {
    let loads = Loads::default();
    // Its own, and that of whoever asks it.
    server.command(&["CONFIG", "SET", "maxclients", "2"]);
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(version_of(&report(0, &loads, 7).await), 7);
    }
    assert_eq!(loads.begun(), 1);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[test]
fn a_lane_that_is_lost_is_made_again() {
    each_proxied(async |Behind { server, proxy, .. }| {
        let loads = Loads::default();
        until_there_is_a_lane(server, &loads).await;
        let loaded = loads.begun();
        proxy.cut();
        assert_eq!(version_of(&report(0, &loads, 1).await), 0);
        assert_eq!(loads.begun(), loaded);
        until_there_is_a_lane(server, &loads).await;
    });
}
