//! The protocol step by step, the same on the in-process store and on real servers, over RESP2 and
//! RESP3.

use std::sync::Arc;
use std::time::Duration;

use cached_redis_test_support::{Server, each_server_async, unique_namespace};

use super::Store;
use super::memory::MemoryStore;
use super::redis::{Link, LinkSettings, RedisStore, Source};
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId, Nonce};
use crate::record::{self, Codec, Header, Kind, State};

const SCHEMA: u64 = 7;
const LONG: Duration = Duration::from_secs(60);

/// One store under test, and a way to put anything under a key behind its back.
struct Subject {
    store: Arc<dyn Store>,
    key: String,
    set: Box<SetRaw>,
}

type SetRaw = dyn Fn(&str, &[u8]);

impl Subject {
    fn memory() -> Self {
        let store = Arc::new(MemoryStore::new());
        let set = Arc::clone(&store);
        Self {
            store,
            key: "ns:p:f:{1}".to_owned(),
            set: Box::new(move |key, bytes| set.set_raw(key, bytes, LONG)),
        }
    }

    fn redis(server: &'static Server, url: &str) -> Self {
        let client = redis::Client::open(url).expect("a URL");
        let link = Link::new(LinkSettings { source: Source::Client(client), patience: LONG });
        Self {
            store: Arc::new(RedisStore::new(link)),
            key: format!("{}:p:f:{{1}}", unique_namespace("store")),
            set: Box::new(move |key, bytes| {
                server.command(&[b"SET", key.as_bytes(), bytes]);
            }),
        }
    }

    async fn acquire(&self, sequence: u64, intent: Intent) -> Acquired {
        let nonce = Nonce { process: 1, sequence };
        let acquire = Acquire { nonce, lease: LONG, schema: SCHEMA, intent };
        self.store.acquire(&self.key, acquire).await.expect("an answer")
    }

    async fn granted(&self, sequence: u64, intent: Intent) -> LeaseId {
        match self.acquire(sequence, intent).await {
            Acquired::Grant(lease) => {
                assert_eq!(lease.nonce(), Nonce { process: 1, sequence });
                lease
            }
            other => panic!("{other:?}"),
        }
    }

    async fn fill(&self, lease: LeaseId, payload: &[u8]) -> Filled {
        let mut record = record::value(Kind::Value, Codec::Json, SCHEMA);
        record::sign(&mut record, &lease);
        record.extend_from_slice(payload);
        self.store.fill(&self.key, lease, &record, LONG).await.expect("an answer")
    }

    async fn get(&self) -> Option<(State, Vec<u8>)> {
        let record = self.store.get(&self.key).await.expect("an answer")?;
        let header = Header::read(&record).expect("ours");
        Some((header.state, header.payload(&record).to_vec()))
    }

    async fn delete(&self) {
        self.store.delete(std::slice::from_ref(&self.key)).await.expect("an answer");
    }

    async fn ttl(&self) -> Option<Duration> {
        self.store.ttl(&self.key).await.expect("an answer")
    }
}

/// Runs a test on every store.
async fn each_store(test: impl AsyncFn(Subject)) {
    test(Subject::memory()).await;
    each_server_async(async |server| {
        test(Subject::redis(server, server.url())).await;
        test(Subject::redis(server, &format!("{}/?protocol=resp3", server.url()))).await;
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_granted_once_and_filled_with_its_id() {
    each_store(async |subject| {
        assert_eq!(subject.get().await, None);
        let lease = subject.granted(1, Intent::Read).await;
        assert_eq!(subject.acquire(2, Intent::Read).await, Acquired::Wait { holder: lease });
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
async fn rubbish_is_as_good_as_nothing() {
    each_store(async |subject| {
        for rubbish in [&b""[..], b"x", &[0xff; 200], b"CR\x01", b"CR\x02V00000000"] {
            (subject.set)(&subject.key, rubbish);
            subject.granted(1, Intent::Read).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_value_of_another_schema_is_replaced() {
    each_store(async |subject| {
        let mut record = record::value(Kind::Value, Codec::Json, SCHEMA + 1);
        record.extend_from_slice(b"other");
        (subject.set)(&subject.key, &record);
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
        let holder = subject.granted(2, Intent::Replace).await;
        assert_eq!(subject.acquire(3, Intent::Replace).await, Acquired::Wait { holder });
    })
    .await;
}

#[tokio::test]
async fn nothing_is_stored_over_a_tombstone() {
    each_store(async |subject| {
        let mut record = record::value(Kind::Value, Codec::None, 0);
        record[3] = b'T';
        (subject.set)(&subject.key, &record);
        for intent in [Intent::Read, Intent::Replace, Intent::Refresh] {
            assert_eq!(subject.acquire(1, intent).await, Acquired::NoStore);
        }
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
        store.release(key, stranger.nonce()).await.expect("an answer");
        assert!(subject.get().await.is_some());
        store.release(key, lease.nonce()).await.expect("an answer");
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
        store.release(key, lease.nonce()).await.expect("an answer");
        assert!(subject.get().await.is_some());
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
async fn a_sweep_removes_a_family_and_nothing_else() {
    each_store(async |subject| {
        let family = subject.key.strip_suffix("1}").expect("made so").to_owned();
        let other = subject.key.replace(":f:", ":g:");
        (subject.set)(&other, b"x");
        for number in 0..2500 {
            (subject.set)(&format!("{family}{number}}}"), b"x");
        }
        let mut cursor = 0;
        loop {
            cursor = subject.store.sweep(&family, cursor).await.expect("an answer");
            if cursor == 0 {
                break;
            }
        }
        for number in [0, 1, 1000, 2499] {
            let key = format!("{family}{number}}}");
            assert_eq!(subject.store.get(&key).await.expect("an answer"), None);
        }
        assert!(subject.store.get(&other).await.expect("an answer").is_some());
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_type_is_unreadable_and_is_replaced() {
    each_server_async(async |server| {
        let subject = Subject::redis(server, server.url());
        server.command(&["RPUSH", subject.key.as_str(), "x"]);
        let found = subject.store.get(&subject.key).await.expect("not an error");
        assert_eq!(found.as_deref().map(Header::read), Some(None));
        let lease = subject.granted(1, Intent::Replace).await;
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
    })
    .await;
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    each_server_async(async |server| {
        let subject = Subject::redis(server, server.url());
        assert_eq!(subject.get().await, None, "connected");
        server.command(&["SCRIPT", "FLUSH"]);
        let lease = subject.granted(1, Intent::Read).await;
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(subject.fill(lease, b"value").await, Filled::Stored);
    })
    .await;
}
