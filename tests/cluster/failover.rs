//! A primary that is killed, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::calls::calls;
use crate::shop::{IDS, Shop, on_cluster};

/// What a call may take beyond its budget on a busy machine.
const SLACK: Duration = Duration::from_millis(400);
const BUDGET: Duration = Duration::from_millis(100);

#[test]
fn while_a_primary_is_away_no_call_fails_and_the_others_serve_and_its_keys_come_back() {
    on_cluster(1, async |cluster| {
        let shop = Shop::on(&cluster, BUDGET).await;
        for id in 0..IDS as u64 {
            shop.plain(id).await;
        }
        let ends = Arc::new(AtomicBool::new(false));
        let slowest = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..4_u64)
            .map(|task| {
                let (shop, ends, slowest) = (shop.clone(), Arc::clone(&ends), Arc::clone(&slowest));
                tokio::spawn(async move {
                    let mut id = task;
                    while !ends.load(Ordering::Relaxed) {
                        id = (id + 7) % IDS as u64;
                        let began = Instant::now();
                        assert_eq!(shop.plain(id).await, 1);
                        let took = began.elapsed().as_millis() as u64;
                        slowest.fetch_max(took, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let killed = Arc::clone(&cluster);
        let (hits, misses) = (hits(&shop), shop.loads());
        let began = Instant::now();
        tokio::task::spawn_blocking(move || killed.kill(0)).await.expect("killed");
        let failing = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || failing.until_failed_over(0, 0)).await.expect("over");
        let recovered = began.elapsed();
        let (during, loaded) = (self::hits(&shop) - hits, shop.loads() - misses);
        assert!(during > loaded, "the other nodes serve: {during} hits, {loaded} loads");
        // What was lost is loaded once; then everything is a hit again.
        let back = Instant::now();
        loop {
            let before = shop.loads();
            for id in 0..IDS as u64 {
                assert_eq!(shop.plain(id).await, 1);
            }
            if shop.loads() == before {
                break;
            }
            assert!(back.elapsed() < Duration::from_secs(3), "not back after {:?}", back.elapsed());
        }
        ends.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.expect("no call fails");
        }
        let slowest = Duration::from_millis(slowest.load(Ordering::Relaxed));
        eprintln!(
            "failover after {recovered:?}, hits back {:?} later, slowest call {slowest:?}, \
             {during} hits and {loaded} loads meanwhile",
            back.elapsed()
        );
        assert!(slowest < BUDGET + SLACK, "a call took {slowest:?}");
    });
}

#[test]
fn however_many_calls_fail_the_slots_are_asked_for_once_a_second() {
    on_cluster(0, async |cluster| {
        let shop = Shop::on(&cluster, BUDGET).await;
        cluster.kill(0);
        // Redis before 7 counts all forms of CLUSTER together, and nobody else asks meanwhile.
        let asked = || {
            let of_node =
                |index| ["cluster|slots", "cluster"].map(|name| calls(&cluster, index, name));
            [1, 2].map(of_node).as_flattened().iter().sum::<u64>()
        };
        let (before, loads, began) = (asked(), shop.loads(), Instant::now());
        while began.elapsed() < Duration::from_secs(3) {
            for id in 0..IDS as u64 {
                assert_eq!(shop.plain(id).await, 1);
            }
        }
        let (asked, loads) = (asked() - before, shop.loads() - loads);
        assert!(loads > 200, "{loads} calls of keys on the node that is away");
        assert!((1..=4).contains(&asked), "asked {asked} times");
    });
}

fn hits(shop: &Shop) -> u64 {
    shop.cache.stats().functions.iter().map(|stats| stats.hits).sum()
}
