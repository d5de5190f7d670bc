//! Generations, and what carries them.

use std::time::Duration;

use cached_redis_test_support::{Server, each_binary, each_server_async};

use super::{LONG, Subject, each_store};
use crate::group::Group;
use crate::lease::{Acquired, Filled, Intent, Life, Nonce};
use crate::store::redis::OLDEST;

#[tokio::test]
async fn deleting_a_generation_ends_what_carries_it() {
    each_store(async |subject| {
        let stamps = subject.stamps(&["a", "b"]).await.expect("no fence");
        assert_eq!(subject.stamps(&["a", "b"]).await.as_ref(), Some(&stamps), "they stay");
        let lease = subject.granted(1, Intent::Read).await;
        let life = Life { whole: LONG, fresh: None };
        subject.fill_with(lease, b"value", life, &stamps).await;
        assert!(subject.find().await.expect("an entry").is_current);
        assert!(subject.is_current(&stamps).await);
        subject.store.delete(&[subject.generation("b")]).await.expect("an answer");
        assert!(!subject.find().await.expect("an entry").is_current);
        assert!(!subject.is_current(&stamps).await);
        let after = subject.stamps(&["a", "b"]).await.expect("no fence");
        assert_eq!(after.of(Group::tag("a")), stamps.of(Group::tag("a")));
        assert_ne!(after.of(Group::tag("b")), stamps.of(Group::tag("b")));
        assert!(!subject.find().await.expect("an entry").is_current, "a new one is another");
    })
    .await;
}

#[tokio::test]
async fn the_stamps_of_a_lease_are_told_to_who_waits() {
    each_store(async |subject| {
        let stamps = subject.stamps(&["a"]).await.expect("no fence");
        let Acquired::Grant { lease: holder, .. } =
            subject.acquire_with(1, Intent::Read, &stamps).await
        else {
            panic!("not granted")
        };
        let wait = Acquired::Wait { holder, stamps };
        assert_eq!(subject.acquire(2, Intent::Read).await, wait);
        // Its load began before an invalidation of the group.
        let taken_over = subject.granted(3, Intent::Replace(holder)).await;
        assert_eq!(subject.fill(holder, b"old").await, Filled::Lost);
        assert_eq!(subject.fill(taken_over, b"new").await, Filled::Stored);
    })
    .await;
}

#[tokio::test]
async fn a_fenced_group_has_no_generation() {
    each_store(async |subject| {
        let before = subject.stamps(&["a"]).await.expect("no fence");
        let (store, key) = (&subject.store, [subject.generation("a")]);
        let fence = Nonce { process: 9, sequence: 1 };
        store.hold(&key, fence, LONG).await.expect("an answer");
        assert_eq!(subject.stamps(&["a"]).await, None);
        assert!(!subject.is_current(&before).await);
        store.lift(&key, fence).await.expect("an answer");
        assert_ne!(subject.stamps(&["a"]).await, None);
    })
    .await;
}

#[tokio::test]
async fn another_connection_s_invalidation_is_seen_by_the_next_read() {
    each_server_async(async |server| {
        for tracking in [false, true] {
            let subject = Subject::redis(server, tracking);
            let life = Life { whole: LONG, fresh: None };
            for round in 0..200 {
                let stamps = subject.stamps(&["a"]).await.expect("no fence");
                let lease = subject.granted(round, Intent::Refresh).await;
                subject.fill_with(lease, b"value", life, &stamps).await;
                assert!(subject.find().await.expect("an entry").is_current);
                server.command(&["DEL", &subject.generation("a")]);
                assert!(!subject.find().await.expect("an entry").is_current, "round {round}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_generation_lives_as_long_as_the_longest_that_is_stamped_with_it() {
    each_server_async(async |server| {
        for tracking in [false, true] {
            let subject = Subject::redis(server, tracking);
            let left = || {
                let left = server.command(&["PTTL", &subject.generation("a")]);
                Duration::from_millis(left.parse().expect("a number"))
            };
            let stamp = async |life| {
                let groups = [Group::tag("a")];
                let stamps =
                    subject.store.stamp(&subject.key, &groups, life).await.expect("an answer");
                stamps.expect("no fence")
            };
            let first = stamp(LONG).await;
            assert!((LONG..3 * LONG).contains(&left()), "{:?}", left());
            assert_eq!(stamp(100 * LONG).await, first);
            assert!(left() > 100 * LONG, "{:?}", left());
            assert_eq!(stamp(LONG).await, first);
            assert!(left() > 100 * LONG, "{:?}", left());
        }
    })
    .await;
}

/// The server says nothing of that to those who know them.
#[test]
fn a_generation_that_vanishes_unnoticed_is_missed_before_long() {
    let advance = async |by| {
        tokio::time::pause();
        tokio::time::advance(by).await;
        tokio::time::resume();
    };
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            for is_busy in [true, false] {
                let subject = Subject::redis(&server, true);
                subject.find().await;
                let stamps = subject.stamps(&["a"]).await.expect("no fence");
                server.command(&["SWAPDB", "0", "1"]);
                let lease = subject.granted(1, Intent::Read).await;
                let life = Life { whole: LONG, fresh: None };
                subject.fill_with(lease, b"value", life, &stamps).await;
                let is_current = async || subject.find().await.expect("an entry").is_current;
                assert!(is_current().await, "nobody knows it yet");
                if is_busy {
                    advance(OLDEST / 2).await;
                    assert!(is_current().await, "it is time to ask");
                } else {
                    advance(OLDEST).await;
                }
                assert!(!is_current().await);
            }
        });
    });
}

#[test]
fn knowledge_of_generations_is_renewed_along_with_reads() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let subject = Subject::redis(&server, true);
            subject.find().await;
            let stamps = subject.stamps(&["a", "b"]).await.expect("no fence");
            let lease = subject.granted(1, Intent::Read).await;
            let life = Life { whole: LONG, fresh: None };
            subject.fill_with(lease, b"value", life, &stamps).await;
            for _ in 0..10 {
                tokio::time::pause();
                tokio::time::advance(OLDEST / 2).await;
                tokio::time::resume();
                server.reset_commandstats();
                for gets in [1, 4, 5, 6] {
                    assert!(subject.find().await.expect("an entry").is_current);
                    assert_eq!(server.commandstats()["get"], gets);
                }
            }
        });
    });
}
