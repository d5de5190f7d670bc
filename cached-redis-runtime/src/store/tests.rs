//! The protocol step by step, the same on the in-process store and on real servers, over RESP2 and
//! RESP3.

use std::sync::Arc;
use std::time::Duration;

use cached_redis_test_support::{Server, each_server_async, unique_namespace};

use super::memory::MemoryStore;
use super::redis::{Link, LinkSettings, RedisStore, Source};
use super::{Found, Store};
use crate::group::{Group, Groups, Stamps};
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{self, Codec, Header, Kind, State};

const SCHEMA: u64 = 7;
const LONG: Duration = Duration::from_secs(60);

/// One store under test, and a way to put anything under a key behind its back.
struct Subject {
    store: Arc<dyn Store>,
    namespace: String,
    key: String,
    set: Box<SetRaw>,
}

type SetRaw = dyn Fn(&str, &[u8]);

impl Subject {
    fn memory() -> Self {
        let store = Arc::new(MemoryStore::new("ns"));
        let set = Arc::clone(&store);
        Self {
            store,
            namespace: "ns".to_owned(),
            key: "ns:p:f:{1}".to_owned(),
            set: Box::new(move |key, bytes| set.set_raw(key, bytes, LONG)),
        }
    }

    fn redis(server: &'static Server, tracking: bool) -> Self {
        let namespace = unique_namespace("store");
        Self {
            store: Arc::new(Self::connect(server, &namespace, tracking)),
            key: format!("{namespace}:p:f:{{1}}"),
            namespace,
            set: Box::new(move |key, bytes| {
                server.command(&[b"SET", key.as_bytes(), bytes]);
            }),
        }
    }

    fn connect(server: &Server, namespace: &str, tracking: bool) -> RedisStore {
        let client = redis::Client::open(server.url()).expect("a URL");
        let source = Source::Client(client);
        let link = Link::new(LinkSettings { source, patience: LONG, tracking });
        RedisStore::new(link, namespace, LONG)
    }

    async fn acquire(&self, sequence: u64, intent: Intent) -> Acquired {
        self.acquire_with(sequence, intent, &Stamps::default()).await
    }

    async fn acquire_with(&self, sequence: u64, intent: Intent, stamps: &Stamps) -> Acquired {
        self.ask(sequence, intent, LeaseId::NONE, stamps).await
    }

    /// Asks to reload a value.
    async fn reload(&self, sequence: u64, seen: LeaseId) -> Acquired {
        self.ask(sequence, Intent::Reload, seen, &Stamps::default()).await
    }

    async fn ask(&self, sequence: u64, intent: Intent, seen: LeaseId, stamps: &Stamps) -> Acquired {
        let nonce = Nonce { process: 1, sequence };
        let acquire = Acquire { nonce, lease: LONG, schema: SCHEMA, intent, seen, stamps };
        self.store.acquire(&self.key, acquire).await.expect("an answer")
    }

    async fn granted(&self, sequence: u64, intent: Intent) -> LeaseId {
        match self.acquire(sequence, intent).await {
            Acquired::Grant { lease, .. } => {
                assert_eq!(lease.nonce(), Nonce { process: 1, sequence });
                lease
            }
            other => panic!("{other:?}"),
        }
    }

    async fn reloading(&self, seen: LeaseId) -> LeaseId {
        match self.reload(2, seen).await {
            Acquired::Grant { lease, over_seen: true } => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn fill(&self, lease: LeaseId, payload: &[u8]) -> Filled {
        self.fill_with(lease, payload, Life { whole: LONG, fresh: None }, &Stamps::default()).await
    }

    async fn fill_with(
        &self,
        lease: LeaseId,
        payload: &[u8],
        life: Life,
        stamps: &Stamps,
    ) -> Filled {
        let mut record = record::value(Kind::Value, Codec::Json, SCHEMA);
        record.extend_from_slice(payload);
        record::stamp(&mut record, stamps);
        record::sign(&mut record, &lease);
        self.store.fill(&self.key, lease, &record, life).await.expect("an answer")
    }

    /// A value whose fresh life has just ended.
    async fn overdue(&self, payload: &[u8]) -> LeaseId {
        let lease = self.granted(1, Intent::Read).await;
        let life = Life { whole: LONG, fresh: Some(Duration::from_millis(1)) };
        assert_eq!(self.fill_with(lease, payload, life, &Stamps::default()).await, Filled::Stored);
        let header = self.header().await;
        // This clock is a little ahead of the server's.
        let ends = header.soft.map(|soft| soft + 5);
        let is_over = || self.store.now() > ends;
        while !is_over() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        lease
    }

    async fn find(&self) -> Option<Found> {
        self.store.read(&self.key, &Groups::default()).await.expect("an answer")
    }

    async fn header(&self) -> Header {
        Header::read(&self.find().await.expect("an entry").record).expect("ours")
    }

    async fn get(&self) -> Option<(State, Vec<u8>)> {
        let Found { record, .. } = self.find().await?;
        let header = Header::read(&record).expect("ours");
        Some((header.state, header.payload(&record).to_vec()))
    }

    async fn stamps(&self, tags: &[&str]) -> Option<Stamps> {
        let groups: Vec<_> = tags.iter().map(|tag| Group::tag(tag)).collect();
        self.store.stamp(&groups).await.expect("an answer")
    }

    async fn is_current(&self, stamps: &Stamps) -> bool {
        self.store.is_current(stamps.bytes()).await.expect("an answer")
    }

    fn generation(&self, tag: &str) -> String {
        Group::tag(tag).key(&self.namespace)
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
        test(Subject::redis(server, false)).await;
        test(Subject::redis(server, true)).await;
    })
    .await;
}

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
        assert!(soft > store.now() && refresh == 0 && subject.ttl().await > Some(LONG));
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
        assert!(Some(header.refresh) > subject.store.now());
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
        let ends = subject.store.now().expect("known") + 30_000;
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
    })
    .await;
}

#[tokio::test]
async fn nothing_is_stored_while_a_fence_stands() {
    each_store(async |subject| {
        let (store, key) = (&subject.store, [subject.key.clone()]);
        let [one, two] = [1, 2].map(|sequence| Nonce { process: 9, sequence });
        let before = subject.granted(1, Intent::Read).await;
        store.hold(&key, one, LONG).await.expect("an answer");
        assert_eq!(subject.fill(before, b"old").await, Filled::Lost);
        store.hold(&key, two, LONG).await.expect("an answer");
        store.hold(&key, one, LONG).await.expect("renewed");
        // Somebody else's invalidation removes the entry and not the fence.
        subject.delete().await;
        let intents = [Intent::Read, Intent::Refresh, Intent::Replace(before), Intent::Reload];
        for intent in intents {
            assert_eq!(subject.acquire(2, intent).await, Acquired::NoStore);
        }
        store.lift(&key, one).await.expect("an answer");
        assert_eq!(subject.acquire(3, Intent::Read).await, Acquired::NoStore, "the other stands");
        store.lift(&key, two).await.expect("an answer");
        subject.granted(4, Intent::Read).await;
    })
    .await;
}

#[tokio::test]
async fn a_fence_ends_by_itself() {
    each_store(async |subject| {
        let fence = Nonce { process: 9, sequence: 1 };
        let life = Duration::from_millis(30);
        subject
            .store
            .hold(std::slice::from_ref(&subject.key), fence, life)
            .await
            .expect("an answer");
        let end = tokio::time::Instant::now() + Duration::from_secs(10);
        while subject.acquire(1, Intent::Read).await == Acquired::NoStore {
            assert!(tokio::time::Instant::now() < end, "it never ends");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

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
async fn generations_outlive_entries() {
    each_server_async(async |server| {
        let subject = Subject::redis(server, true);
        subject.stamps(&["a"]).await.expect("no fence");
        let left = server.command(&["PTTL", &subject.generation("a")]);
        assert!(
            format!("{left:?}").contains("1199") || format!("{left:?}").contains("120000"),
            "{left:?}"
        );
    })
    .await;
}
