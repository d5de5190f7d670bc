//! Who may store.

use std::time::Duration;

use cached_redis_test_support::each_server_async;

use super::{LONG, SCHEMA, Subject, each_store};
use crate::group::Stamps;
use crate::lease::{Acquired, Filled, Intent, LeaseId, Nonce};
use crate::record::{self, Codec, Header, Kind, State};

#[tokio::test]
async fn a_lease_is_granted_once_and_filled_with_its_id() {
    each_store(async |subject| {
        assert_eq!(subject.get().await, None);
        let lease = subject.granted(1, Intent::Read).await;
        let wait = Acquired::Wait { holder: lease, stamps: Stamps::default() };
        assert_eq!(subject.acquire(2, Intent::Read).await, wait);
        assert!(matches!(subject.get().await, Some((State::Lease, _))));
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
        assert_eq!(subject.get().await, Some((State::Value, b"value".to_vec())));
        let Acquired::Hit(record) = subject.acquire(3, Intent::Read).await else {
            panic!("no hit")
        };
        assert!(record.ends_with(b"value"));
    })
    .await;
}

#[tokio::test]
async fn every_execution_of_an_acquire_mints_another_id() {
    each_store(async |subject| {
        let first = subject.granted(1, Intent::Read).await;
        subject.delete().await;
        // The very same command again, as a network may deliver it.
        let second = subject.granted(1, Intent::Read).await;
        assert_ne!(first, second);
        assert_eq!(subject.fill(first, b"old").await, Filled::Lost);
        assert_eq!(subject.fill(second, b"new").await, Filled::Stored);
    })
    .await;
}

#[tokio::test]
async fn a_fill_after_a_delete_is_refused() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        subject.delete().await;
        assert_eq!(subject.fill(lease, b"old").await, Filled::Lost);
        assert_eq!(subject.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_fill_may_be_executed_twice() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
        subject.delete().await;
        assert_eq!(subject.fill(lease, b"value").await, Filled::Lost);
    })
    .await;
}

#[tokio::test]
async fn rubbish_is_as_good_as_nothing() {
    each_store(async |subject| {
        for rubbish in [&b""[..], b"x", &[0xff; 200], b"CR\x01", b"CR\x02V00000000"] {
            subject.set(&subject.key, rubbish);
            subject.granted(1, Intent::Read).await;
        }
    })
    .await;
}

/// Such as one of a later version, with a codec of its own: if only one side could read it, it would never be
/// replaced.
#[tokio::test]
async fn a_header_that_is_odd_in_one_place_is_rubbish() {
    // Format, state, kind, codec, seal, length (two too short, two longer than the record), whether a write
    // holds it, reserved.
    let odd = [
        (2, 2),
        (3, b'W'),
        (4, 2),
        (5, 4),
        (5, 127),
        (6, 3),
        (6, 15),
        (6, 19),
        (6, 0x80),
        (7, 0),
        (7, 7),
        (7, 12),
        (7, 255),
        (60, 2),
        (60, 0xff),
        (61, 1),
        (62, 1),
        (63, 1),
        (63, 0x80),
    ];
    let mut value = record::value(Kind::Value, Codec::Json, SCHEMA);
    value.extend_from_slice(b"value");
    let stranger = LeaseId::new(Nonce { process: 2, sequence: 1 }, 0);
    let lease = record::lease(&stranger, SCHEMA, &Stamps::default(), false);
    each_store(async |subject| {
        subject.set(&subject.key, &value);
        assert!(matches!(subject.acquire(1, Intent::Read).await, Acquired::Hit(_)));
        subject.set(&subject.key, &lease);
        assert!(matches!(subject.acquire(1, Intent::Read).await, Acquired::Wait { .. }));
        for sound in [&value, &lease] {
            for (byte, rubbish) in odd {
                let mut record = sound.clone();
                record[byte] = rubbish;
                subject.set(&subject.key, &record);
                let found = subject.find().await.expect("something");
                assert_eq!(Header::read(&found.record), None, "{byte}: {rubbish}");
                let lease = subject.granted(2, Intent::Read).await;
                assert!(
                    matches!(subject.get().await, Some((State::Lease, _))),
                    "{byte}: {rubbish}"
                );
                assert_eq!(subject.fill(lease, b"ours").await, Filled::Stored);
                let replaced = Some((State::Value, b"ours".to_vec()));
                assert_eq!(subject.get().await, replaced, "{byte}: {rubbish}");
            }
        }
    })
    .await;
}

/// A later version may mean something else by the bytes where this one has its lease.
#[tokio::test]
async fn what_cannot_be_read_is_not_filled() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        let mut record = subject.find().await.expect("a lease").record;
        record[61] = 1;
        subject.set(&subject.key, &record);
        assert_eq!(subject.fill(lease, b"value").await, Filled::Lost);
        assert_eq!(subject.find().await.map(|found| found.record), Some(record));
    })
    .await;
}

/// Only a lease can be one of a write.
#[tokio::test]
async fn a_value_with_the_flag_of_a_write_is_a_value() {
    each_store(async |subject| {
        let mut record = record::value(Kind::Value, Codec::Json, SCHEMA);
        record[60] = 1;
        subject.set(&subject.key, &record);
        assert_eq!(subject.acquire(1, Intent::Read).await, Acquired::Hit(record));
    })
    .await;
}

#[tokio::test]
async fn a_value_of_another_schema_is_replaced() {
    each_store(async |subject| {
        let mut record = record::value(Kind::Value, Codec::Json, SCHEMA + 1);
        record.extend_from_slice(b"other");
        subject.set(&subject.key, &record);
        let lease = subject.granted(1, Intent::Read).await;
        assert_eq!(subject.fill(lease, b"ours").await, Filled::Stored);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_replaced_by_one() {
    each_store(async |subject| {
        let first = subject.granted(1, Intent::Read).await;
        subject.fill(first, b"unreadable").await;
        let holder = subject.granted(2, Intent::Replace(first)).await;
        let wait = Acquired::Wait { holder, stamps: Stamps::default() };
        assert_eq!(subject.acquire(3, Intent::Replace(first)).await, wait, "it is gone already");
        subject.fill(holder, b"readable").await;
        assert!(matches!(subject.acquire(4, Intent::Replace(first)).await, Acquired::Hit(_)));
    })
    .await;
}

#[tokio::test]
async fn only_the_holder_renews_and_releases() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        let stranger = LeaseId::new(Nonce { process: 2, sequence: 1 }, 0);
        let (store, key) = (&subject.store, subject.key.as_str());
        assert!(!store.renew(key, stranger, 2 * LONG).await.expect("an answer"));
        assert!(store.renew(key, lease, 2 * LONG).await.expect("an answer"));
        assert!(subject.ttl().await > Some(LONG));
        store.release(key, stranger.nonce(), Duration::ZERO).await.expect("an answer");
        assert!(subject.get().await.is_some());
        store.release(key, lease.nonce(), Duration::ZERO).await.expect("an answer");
        assert_eq!(subject.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_value_is_neither_renewed_nor_released() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        subject.fill(lease, b"value").await;
        let (store, key) = (&subject.store, subject.key.as_str());
        assert!(!store.renew(key, lease, 2 * LONG).await.expect("an answer"));
        assert!(subject.ttl().await <= Some(LONG));
        store.release(key, lease.nonce(), Duration::ZERO).await.expect("an answer");
        assert!(subject.get().await.is_some());
    })
    .await;
}

#[tokio::test]
async fn nothing_is_kept_for_ever() {
    each_store(async |subject| {
        let lease = subject.granted(1, Intent::Read).await;
        assert!(subject.ttl().await.is_some_and(|left| left <= LONG));
        subject.fill(lease, b"value").await;
        assert!(subject.ttl().await.is_some_and(|left| left <= LONG));
        subject.granted(2, Intent::Refresh).await;
        assert!(subject.ttl().await.is_some_and(|left| left <= LONG));
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_type_is_unreadable_and_is_replaced() {
    each_server_async(async |server| {
        let subject = Subject::redis(server, true);
        server.command(&["RPUSH", subject.key.as_str(), "x"]);
        let found = subject.find().await.expect("not an error");
        assert_eq!(Header::read(&found.record), None);
        let lease = subject.granted(1, Intent::Replace(LeaseId::NONE)).await;
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
    })
    .await;
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    each_server_async(async |server| {
        let subject = Subject::redis(server, true);
        assert_eq!(subject.get().await, None, "connected");
        server.command(&["SCRIPT", "FLUSH"]);
        let lease = subject.granted(1, Intent::Read).await;
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
    })
    .await;
}
