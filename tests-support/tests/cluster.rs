//! Clusters form, fail over and move slots as the tests that stand on them expect.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use cached_redis_test_support::{Cluster, each_binary, poll};

/// Sends a command to the primary of a key.
fn at_primary(cluster: &Cluster, key: &str, command: &[&str]) -> String {
    let primary = cluster.primary_of(cluster.slot_of(key)).unwrap();
    cluster.node(primary).command(command)
}

#[test]
fn keys_are_spread_and_slots_move_with_them() {
    each_binary(|binary| {
        let cluster = Cluster::start(binary, 3, 0);
        assert_eq!([0, 8_000, 16_383].map(|slot| cluster.primary_of(slot)), [0, 1, 2].map(Some));
        let keys: Vec<String> = (0..250).map(|n| format!("{{moving}}:{n}")).collect();
        let slot = cluster.slot_of(&keys[0]);
        let from = cluster.primary_of(slot).unwrap();
        let to = (from + 1) % 3;
        for key in &keys {
            assert_eq!(at_primary(&cluster, key, &["SET", key, key]), "OK");
        }
        assert!(cluster.node(to).command(&["GET", &keys[0]]).starts_with("(error) MOVED"));

        let migration = cluster.begin_move(slot, from, to);
        assert_eq!(migration.move_keys(10), 10);
        let asked = keys.iter().filter(|key| {
            cluster.node(from).command(&["GET", key]).starts_with(&format!("(error) ASK {slot}"))
        });
        assert_eq!(asked.count(), 10);
        migration.finish();
        for key in &keys {
            assert_eq!(cluster.node(to).command(&["GET", key]), *key);
        }
        cluster.move_slot(slot, to, from);
        assert_eq!(cluster.until_agreed(slot), from);
        assert_eq!(at_primary(&cluster, &keys[0], &["GET", &keys[0]]), keys[0]);
    });
}

#[test]
fn a_replica_takes_over_and_the_old_primary_comes_back_as_its_replica() {
    each_binary(|binary| {
        let cluster = Cluster::start(binary, 3, 1);
        assert_eq!(cluster.size(), 6);
        assert_eq!(at_primary(&cluster, "key", &["SET", "key", "value"]), "OK");
        let slot = cluster.slot_of("key");
        let old = cluster.until_agreed(slot);
        poll::until("the value is replicated", Duration::from_secs(5), || {
            cluster.node(3 + old).command(&["DBSIZE"]) == "1"
        });
        cluster.kill(old);
        let new = cluster.until_failed_over(slot, old);
        assert_eq!(new, 3 + old);
        assert_eq!(cluster.node(new).command(&["GET", "key"]), "value");
        cluster.restart(old);
        assert_eq!(cluster.until_agreed(slot), new);
        cluster.until_ok();
        assert_eq!(cluster.node(old).info("role").unwrap(), "slave");
    });
}
