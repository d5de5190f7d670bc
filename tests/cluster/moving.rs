//! Slots that move between nodes, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cached_redis_test_support::{Cluster, poll};

use crate::shop::{IDS, PATIENCE, Shop, on_cluster};

/// The slots that have entries of the shop.
fn slots(cluster: &Cluster) -> Vec<u16> {
    let mut slots = Vec::new();
    for index in 0..3 {
        let keys = cluster.node(index).command(&["KEYS", "*"]);
        slots.extend(keys.split_ascii_whitespace().map(|key| cluster.slot_of(key)));
    }
    slots.sort_unstable();
    slots.dedup();
    slots
}

/// A node that takes a slot back before it has heard of the epoch in which it was taken would not be believed.
fn until_epochs_agree(cluster: &Cluster) {
    let epochs = |index| {
        let nodes = cluster.node(index).command(&["CLUSTER", "NODES"]);
        let epoch = |line: &str| {
            let words: Vec<_> = line.split_ascii_whitespace().map(str::to_owned).collect();
            Some((words.first()?.clone(), words.get(6)?.clone()))
        };
        nodes.lines().filter_map(epoch).collect::<std::collections::BTreeMap<_, _>>()
    };
    poll::until("the epochs agree", PATIENCE, || (1..3).all(|index| epochs(index) == epochs(0)));
}

async fn moves(cluster: &Arc<Cluster>, slot: u16) {
    let cluster = Arc::clone(cluster);
    let moved = tokio::task::spawn_blocking(move || {
        let from = cluster.primary_of(slot).expect("a primary");
        let to = (from + 1) % 3;
        let migration = cluster.begin_move(slot, from, to);
        migration.move_keys(1);
        std::thread::sleep(Duration::from_millis(30));
        migration.finish();
        until_epochs_agree(&cluster);
        cluster.move_slot(slot, to, from);
        until_epochs_agree(&cluster);
    });
    moved.await.expect("moved");
}

#[test]
fn nothing_stale_is_read_and_no_call_fails_while_slots_move_there_and_back() {
    on_cluster(0, async |cluster| {
        let shop = Shop::on(&cluster, PATIENCE).await;
        for id in 0..IDS as u64 {
            shop.plain(id).await;
            shop.shelved(0, id).await;
        }
        let slots = slots(&cluster);
        assert!(slots.len() > 48, "{slots:?}");
        let ends = Arc::new(AtomicBool::new(false));
        let (checked, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        // Each has ids of its own: what it has invalidated, nobody may read any more.
        let tasks: Vec<_> = (0..8_u64)
            .map(|task| {
                let (shop, ends) = (shop.clone(), Arc::clone(&ends));
                let (checked, refused) = (Arc::clone(&checked), Arc::clone(&refused));
                tokio::spawn(async move {
                    let mut round = 0_u64;
                    while !ends.load(Ordering::Relaxed) {
                        round += 1;
                        let id = task + 8 * (round % (IDS as u64 / 8));
                        let written = match round % 4 {
                            0 => shop.write_guarded(id).await,
                            1 => shop.write_shelf(0, id).await,
                            _ => shop.write(id).await,
                        };
                        if written.is_err() {
                            // Not complete: it is retried in the background.
                            refused.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                        let version = shop.version(id);
                        for _ in 0..3 {
                            let read = match round % 4 {
                                1 => shop.shelved(0, id).await,
                                _ => shop.plain(id).await,
                            };
                            assert_eq!(read, version, "stale");
                            checked.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        for slot in slots.iter().step_by(6) {
            moves(&cluster, *slot).await;
        }
        ends.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.expect("no call fails, and none is stale");
        }
        let settled = async || shop.cache.stats().pending_invalidations == 0;
        poll::until_async("all is removed", PATIENCE, settled).await;
        let (checked, refused) = (checked.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
        eprintln!(
            "{} slots, {checked} reads checked, {refused} invalidations retried",
            slots.len().div_ceil(6)
        );
        assert!(checked > 200, "{checked}");
        shop.write_all(0).await.expect("removed");
        for id in 0..IDS as u64 {
            assert_eq!(shop.plain(id).await, shop.version(id), "{id}");
        }
    });
}

#[test]
fn what_has_moved_is_found_by_the_next_call() {
    on_cluster(0, async |cluster| {
        let shop = Shop::on(&cluster, PATIENCE).await;
        for id in 0..IDS as u64 {
            shop.plain(id).await;
        }
        let slot = slots(&cluster)[0];
        let from = cluster.primary_of(slot).expect("a primary");
        cluster.move_slot(slot, from, (from + 1) % 3);
        for id in 0..IDS as u64 {
            assert_eq!(shop.plain(id).await, 1);
        }
        assert_eq!(shop.loads(), IDS as u64, "all are hits");
    });
}

#[test]
fn what_has_left_with_half_a_slot_is_removed_where_it_is() {
    on_cluster(0, async |cluster| {
        let shop = Shop::on(&cluster, PATIENCE).await;
        for id in 0..IDS as u64 {
            shop.plain(id).await;
        }
        let slot = slots(&cluster)[0];
        let from = cluster.primary_of(slot).expect("a primary");
        let to = (from + 1) % 3;
        let migration = cluster.begin_move(slot, from, to);
        while migration.move_keys(10) > 0 {}
        for id in 0..IDS as u64 {
            shop.write(id).await.expect("removed at both ends");
        }
        let all = cluster.node(to).command(&["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]);
        let left: u64 = all.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
        assert!(left <= 1, "the generation of the function at most: {all}");
        migration.finish();
        for id in 0..IDS as u64 {
            assert_eq!(shop.plain(id).await, 2, "{id}");
        }
    });
}
