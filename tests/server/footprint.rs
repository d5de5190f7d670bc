//! What the cache leaves on a server, and what it does to others there.

use std::sync::Arc;

use cached_redis::refresh;
use cached_redis_test_support::Server;
use tokio::sync::Notify;

use crate::loads::{
    Loads, each_own_cache, value, value_entry, value_invalidate, value_invalidate_all,
};

/// Whatever the cache may send once it is connected, or have a script send.
const COMMANDS: &str =
    "client client|caching eval evalsha get getrange pexpire ping pttl set setrange time unlink";

/// Hits, misses, puts, refreshes and every way to remove something.
async fn mixed_workload() {
    let loads = Loads::default();
    for id in 0..30 {
        for _ in 0..3 {
            value(id, loads.gives(id)).await;
        }
    }
    for id in 0..10 {
        value_invalidate(id).await.expect("a server");
        value(id, loads.gives(id)).await;
        refresh(value(id, loads.gives(id + 1))).await;
        let entry = value_entry(id);
        entry.expire().await.expect("a server");
        entry.get().await.expect("a server");
        value(id, loads.gives(id)).await;
        entry.put(id).await.expect("a server");
        entry.ttl().await.expect("a server");
    }
}

// fncache, cashews and Spring Data Redis clear a cache by `KEYS`, which stops the server for all, or
// by FLUSHDB, which removes what is not theirs.
#[test]
fn clearing_a_function_neither_stops_the_server_nor_touches_what_is_not_its_own() {
    each_own_cache(async |server, _| {
        for name in ["session:1", "loads", "loads:value", "cache:loads:value:{1}"] {
            server.command(&["SET", name, "not ours"]);
        }
        server.reset_commandstats();
        mixed_workload().await;
        value_invalidate_all().await.expect("a server");

        let sent = server.commandstats();
        let known: Vec<_> = COMMANDS.split_whitespace().collect();
        let unknown: Vec<_> =
            sent.keys().filter(|command| !known.contains(&command.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        for name in ["session:1", "loads", "loads:value", "cache:loads:value:{1}"] {
            assert_eq!(server.command(&["GET", name]), "not ours");
        }
        assert_eq!(value_entry(1).get().await.expect("a server"), None);
    });
}

/// `INFO`'s line of the database: how many keys, and how many of them expire.
fn keys_and_expiring(server: &Server) -> (u64, u64) {
    let line = server.info("db0").unwrap_or_default();
    let field = |name: &str| {
        let found = line.split(',').find_map(|field| field.strip_prefix(name));
        found.map_or(0, |number| number.parse().expect("a number"))
    };
    (field("keys="), field("expires="))
}

// hitbox-redis: SET and EXPIRE are two steps, and what comes between them leaves an entry for ever.
// Spring Data Redis locks its whole cache by a key without an expiry.
#[test]
fn every_key_expires_whatever_was_cut_short() {
    each_own_cache(async |server, cache| {
        mixed_workload().await;
        let (keys, expiring) = keys_and_expiring(server);
        assert!(keys >= 30, "{keys}");
        assert_eq!(keys, expiring, "after all went well");

        // Loads that are under way, and never end.
        let loading = Arc::new(Notify::new());
        let stuck: Vec<_> = (100..110)
            .map(|id| {
                let (cache, loading) = (cache.clone(), Arc::clone(&loading));
                tokio::spawn(async move {
                    let load = async {
                        loading.notify_one();
                        std::future::pending().await
                    };
                    cache.scope(value(id, load)).await
                })
            })
            .collect();
        loading.notified().await;
        // Cut at random moments of what they do.
        for round in 0..50 {
            let cut = tokio::time::timeout(
                std::time::Duration::from_micros(100 * round),
                value(200 + round, async { round }),
            );
            let _ = cut.await;
            if round % 10 == 0 {
                server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            }
            let (keys, expiring) = keys_and_expiring(server);
            assert_eq!(keys, expiring, "round {round}");
        }
        for task in stuck {
            task.abort();
        }
    });
}

// Whole-cache locks: one slow load holds up all others.
#[test]
fn a_load_that_hangs_holds_up_no_other_key() {
    each_own_cache(async |_, cache| {
        let loading = Arc::new(Notify::new());
        let says = Arc::clone(&loading);
        let stuck = tokio::spawn(async move {
            let load = async {
                says.notify_one();
                std::future::pending().await
            };
            cache.scope(value(1, load)).await
        });
        loading.notified().await;
        let others = async {
            let loads = Loads::default();
            for id in 2..50 {
                assert_eq!(value(id, loads.gives(id)).await, id);
            }
            // Nor its own removal, after which it is loaded by another.
            value_invalidate(1).await.expect("a server");
            assert_eq!(value(1, loads.gives(7)).await, 7);
            value_invalidate_all().await.expect("a server");
        };
        tokio::time::timeout(crate::support::PATIENCE, others).await.expect("in time");
        stuck.abort();
    });
}

// What a miss costs beyond the `GET` and the `SET` of a cache written by hand: one round trip, for the lease.
#[test]
fn a_miss_is_a_get_and_two_scripts() {
    each_own_cache(async |server, _| {
        let loads = Loads::default();
        // The first one asks for the generation of the function.
        value(0, loads.gives(0)).await;
        server.reset_commandstats();
        for id in 1..=100 {
            value(id, loads.gives(id)).await;
        }
        let sent = server.commandstats();
        let count = |command| sent.get(command).copied().unwrap_or(0);
        assert_eq!(count("evalsha"), 200, "ACQUIRE and FILL: {sent:?}");
        // One is that of the call, the other is ACQUIRE's.
        assert_eq!((count("get"), count("mget")), (200, 0), "{sent:?}");
    });
}
