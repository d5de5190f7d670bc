//! Deadlines, and leases over values.

use std::time::Duration;

use cached_redis_test_support::poll;

use super::{LONG, each_store};
use crate::group::Stamps;
use crate::lease::{Acquired, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{Header, State};

#[tokio::test]
async fn a_refresh_keeps_the_value_and_takes_the_right_to_fill() {
    each_store(async |subject| {
        let first = subject.granted(1, Intent::Read).await;
        subject.fill(first, b"old").await;
        let refresh = subject.granted(2, Intent::Refresh).await;
        assert_eq!(subject.get().await, Some((State::Value, b"old".to_vec())));
        assert_eq!(subject.fill(first, b"older").await, Filled::Lost);
        assert_eq!(subject.fill(refresh, b"new").await, Filled::Stored);
        assert_eq!(subject.get().await, Some((State::Value, b"new".to_vec())));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_of_nothing_is_a_lease() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Refresh).await;
        assert!(matches!(subject.get().await, Some((State::Lease, _))));
        let taken_over = subject.granted(2, Intent::Refresh).await;
        assert_eq!(subject.fill(lease, b"old").await, Filled::Lost);
        assert_eq!(subject.fill(taken_over, b"new").await, Filled::Stored);
    })
    .await;
}

#[tokio::test]
async fn a_stale_value_can_be_loaded_anew() {
    each_store(async |subject| {
        let (store, key) = (&subject.store, subject.key.as_str());
        assert!(!store.mark_stale(key).await.expect("an answer"));
        let lease = subject.granted(1, Intent::Read).await;
        assert!(!store.mark_stale(key).await.expect("an answer"), "a lease is no value");
        subject.fill(lease, b"value").await;
        assert!(store.mark_stale(key).await.expect("an answer"));
        assert!(matches!(subject.get().await, Some((State::Stale, _))));
        subject.granted(2, Intent::Read).await;
    })
    .await;
}

#[tokio::test]
async fn one_reload_at_a_time_and_the_value_stays_meanwhile() {
    each_store(async |subject| {
        let found = subject.overdue(b"old").await;
        let lease = subject.reloading(found).await;
        assert_eq!(subject.get().await, Some((State::Value, b"old".to_vec())));
        for seen in [found, lease] {
            assert_eq!(subject.reload(3, seen).await, Acquired::Nothing);
        }
        let wait = Acquired::Wait { holder: lease, stamps: Stamps::default() };
        assert_eq!(subject.acquire(3, Intent::Read).await, wait);
        assert_eq!(subject.fill(found, b"older").await, Filled::Lost);
        assert_eq!(subject.fill(lease, b"new").await, Filled::Stored);
        assert_eq!(subject.header().await.refresh, 0);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_no_longer_fresh_is_no_hit() {
    each_store(async |subject| {
        let seen = subject.overdue(b"old").await;
        let stamps = Stamps::default();
        let acquired = subject.ask(2, Intent::Read, seen, &stamps).await;
        assert!(matches!(acquired, Acquired::Grant { over_seen: true, .. }), "{acquired:?}");
        subject.delete().await;
        subject.overdue(b"another").await;
        let acquired = subject.ask(3, Intent::Read, seen, &stamps).await;
        assert!(matches!(acquired, Acquired::Grant { over_seen: false, .. }), "{acquired:?}");
    })
    .await;
}

/// A value whose reload has failed looks like any other of which that is true.
#[tokio::test]
async fn what_carries_no_lease_is_not_known_to_be_what_was_seen() {
    each_store(async |subject| {
        let found = subject.overdue(b"old").await;
        let lease = subject.reloading(found).await;
        let (store, key) = (&subject.store, subject.key.as_str());
        store.release(key, lease.nonce(), Duration::ZERO).await.expect("an answer");
        assert_eq!(subject.header().await.lease, LeaseId::NONE);
        for sequence in [3, 3] {
            let acquired = subject.reload(sequence, LeaseId::NONE).await;
            assert!(matches!(acquired, Acquired::Grant { over_seen: false, .. }), "{acquired:?}");
            let again = Nonce { process: 1, sequence };
            store.release(key, again, Duration::ZERO).await.expect("an answer");
        }
        let acquired = subject.acquire(4, Intent::Read).await;
        assert!(matches!(acquired, Acquired::Grant { over_seen: false, .. }), "{acquired:?}");
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_ends_a_reload() {
    each_store(async |subject| {
        let found = subject.overdue(b"old").await;
        let lease = subject.reloading(found).await;
        subject.delete().await;
        assert!(!subject.store.renew(&subject.key, lease, LONG).await.expect("an answer"));
        let life = Life { whole: LONG, fresh: None };
        let kept = subject.store.keep(&subject.key, lease, life).await.expect("an answer");
        assert_eq!((kept, subject.fill(lease, b"old").await), (Filled::Lost, Filled::Lost));
        assert_eq!(subject.reload(3, found).await, Acquired::Nothing);
        assert_eq!(subject.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_kept_value_is_fresh_again() {
    each_store(async |subject| {
        let found = subject.overdue(b"same").await;
        let (store, key) = (&subject.store, subject.key.as_str());
        store.mark_stale(key).await.expect("an answer");
        let lease = subject.reloading(found).await;
        let life = Life { whole: 2 * LONG, fresh: Some(LONG) };
        assert_eq!(store.keep(key, lease, life).await.expect("an answer"), Filled::Stored);
        assert_eq!(subject.get().await, Some((State::Value, b"same".to_vec())));
        let Header { soft, refresh, .. } = subject.header().await;
        assert!(soft > store.now(&subject.key) && refresh == 0 && subject.ttl().await > Some(LONG));
    })
    .await;
}

#[tokio::test]
async fn after_a_failed_reload_nobody_tries_for_a_while() {
    each_store(async |subject| {
        let found = subject.overdue(b"old").await;
        let lease = subject.reloading(found).await;
        let release = subject.store.release(&subject.key, lease.nonce(), LONG);
        release.await.expect("an answer");
        let header = subject.header().await;
        assert_eq!((header.lease, header.state), (LeaseId::NONE, State::Value));
        assert!(Some(header.refresh) > subject.store.now(&subject.key));
        assert_eq!(subject.reload(3, LeaseId::NONE).await, Acquired::Nothing);
        assert_eq!(subject.fill(lease, b"late").await, Filled::Lost);
        // Who has nothing to answer with tries all the same.
        subject.granted(4, Intent::Read).await;
    })
    .await;
}

#[tokio::test]
async fn a_value_does_not_expire_under_its_reload_nor_grow_older() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        let life = Life { whole: LONG / 2, fresh: None };
        subject.fill_with(lease, b"old", life, &Stamps::default()).await;
        let ends = subject.store.now(&subject.key).expect("known") + 30_000;
        let refresh = subject.granted(2, Intent::Refresh).await;
        assert!(subject.ttl().await > Some(LONG / 2), "as long as the lease");
        let soft = subject.header().await.soft.expect("it has one now");
        assert!(soft.abs_diff(ends) < 5_000, "{soft} instead of {ends}");
        assert!(subject.store.renew(&subject.key, refresh, 2 * LONG).await.expect("an answer"));
        assert!(subject.ttl().await > Some(LONG));
        assert_eq!(subject.header().await.soft, Some(soft));
    })
    .await;
}

#[tokio::test]
async fn a_touch_renews_what_it_has_seen() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        let life = Life { whole: LONG, fresh: Some(LONG) };
        subject.fill_with(lease, b"value", life, &Stamps::default()).await;
        let before = subject.header().await.soft;
        let (store, key) = (&subject.store, subject.key.as_str());
        let stranger = LeaseId::new(Nonce { process: 2, sequence: 1 }, 0);
        store.touch(key, stranger, 2 * LONG).await.expect("an answer");
        assert_eq!(subject.header().await.soft, before);
        store.touch(key, lease, 2 * LONG).await.expect("an answer");
        assert!(subject.header().await.soft > before && subject.ttl().await > Some(LONG));
        // Nor does it matter that somebody has refreshed it and gone, once his time is over.
        let lease = subject.granted(2, Intent::Refresh).await;
        store.touch(key, lease, 4 * LONG).await.expect("an answer");
        assert!(subject.ttl().await < Some(3 * LONG));
        store.renew(key, lease, Duration::from_millis(1)).await.expect("an answer");
        poll::until_async("renewed", LONG, async || {
            store.touch(key, lease, 4 * LONG).await.expect("an answer");
            subject.ttl().await > Some(3 * LONG)
        })
        .await;
    })
    .await;
}
