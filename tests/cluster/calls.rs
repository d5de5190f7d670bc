//! All kinds of calls, on keys that are spread over three nodes.

use cached_redis::Cache;
use cached_redis_test_support::{Cluster, unique_namespace};

use crate::shop::{IDS, PATIENCE, Shop, on_cluster};

/// How often a node has run a command.
pub(crate) fn calls(cluster: &Cluster, index: usize, command: &str) -> u64 {
    let stats = cluster.node(index).command(&["INFO", "commandstats"]);
    let begin = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&begin));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// The same of each of the three.
fn calls_of_each(cluster: &Cluster, command: &str) -> [u64; 3] {
    [0, 1, 2].map(|index| calls(cluster, index, command))
}

#[test]
fn entries_are_spread_over_the_nodes_and_a_hit_is_one_get_on_one_of_them() {
    on_cluster(0, async |cluster| {
        let shop = Shop::on(&cluster, PATIENCE).await;
        for id in 0..IDS as u64 {
            assert_eq!(shop.plain(id).await, 1);
        }
        assert_eq!(shop.loads(), IDS as u64);
        for index in 0..3 {
            let keys: usize = cluster.node(index).command(&["DBSIZE"]).parse().expect("a number");
            assert!(keys > IDS / 6, "node {index} has {keys} keys");
        }
        let (gets, scripts) = (calls_of_each(&cluster, "get"), calls_of_each(&cluster, "evalsha"));
        for id in 0..IDS as u64 {
            assert_eq!(shop.plain(id).await, 1);
        }
        let after = calls_of_each(&cluster, "get");
        let sent: u64 = after.iter().zip(&gets).map(|(after, before)| after - before).sum();
        assert_eq!((sent, shop.loads()), (IDS as u64, IDS as u64));
        assert_eq!(calls_of_each(&cluster, "evalsha"), scripts);
        assert!(
            after.iter().zip(&gets).all(|(after, before)| after > before),
            "{gets:?} {after:?}"
        );
    });
}

#[test]
fn what_is_invalidated_is_gone_for_every_process_on_every_node() {
    on_cluster(0, async |cluster| {
        let namespace = unique_namespace("cluster");
        let build = Cache::builder().cluster(cluster.urls()).budget(PATIENCE);
        let shop = Shop::with(build.namespace(&*namespace).build().expect("URLs"));
        let other = shop.another(&cluster, &namespace).await;
        for id in 0..60 {
            for reader in [&shop, &other] {
                assert_eq!(reader.plain(id).await, 1);
                assert_eq!(reader.shelved(id % 2, id).await, 1);
            }
        }
        for id in 0..20 {
            assert_eq!(shop.write(id).await.expect("removed"), 2);
            assert_eq!((other.plain(id).await, shop.plain(id).await), (2, 2), "{id}");
        }
        for id in 20..40 {
            assert_eq!(other.write_guarded(id).await.expect("removed"), 2);
            assert_eq!((other.plain(id).await, shop.plain(id).await), (2, 2), "{id}");
        }
        for id in 40..60 {
            assert_eq!(shop.write_through(id).await, 2);
            let loads = shop.loads();
            assert_eq!((other.plain(id).await, shop.plain(id).await), (2, 2), "{id}");
            assert_eq!(shop.loads(), loads, "written through");
        }
        // One tag, whose entries are in all buckets; the other tag's stay.
        assert_eq!(other.write_shelf(0, 0).await.expect("removed"), 3);
        let loads = shop.loads();
        for id in (0..60).step_by(2) {
            let version = if id == 0 { 3 } else { 2 };
            assert_eq!(shop.shelved(0, id).await, version, "{id}");
        }
        assert_eq!(shop.loads(), loads + 30);
        for id in (1..60).step_by(2) {
            assert_eq!(shop.shelved(1, id).await, 1, "{id}");
        }
        assert_eq!(shop.loads(), loads + 30);
        // All of a function.
        other.write_all(7).await.expect("removed");
        let loads = shop.loads();
        for id in 0..60 {
            assert_eq!(shop.plain(id).await, shop.version(id), "{id}");
        }
        assert_eq!(shop.loads(), loads + 60);
        assert_eq!(shop.cache.stats().pending_invalidations, 0);
    });
}

#[test]
fn a_batch_is_answered_by_all_nodes_and_shares_the_entries_of_single_calls() {
    on_cluster(0, async |cluster| {
        let shop = Shop::on(&cluster, PATIENCE).await;
        let ids: Vec<u64> = (0..200).collect();
        assert_eq!(shop.plain(3).await, 1);
        let found = shop.many(&ids).await;
        assert_eq!((found.len(), shop.loads()), (200, 200));
        assert_eq!(shop.many(&ids).await, found);
        assert_eq!((shop.plain(9).await, shop.loads()), (1, 200));
        shop.write(9).await.expect("removed");
        let found = shop.many(&ids).await;
        assert_eq!((found[&9], found[&8], shop.loads()), (2, 1, 201));
    });
}
