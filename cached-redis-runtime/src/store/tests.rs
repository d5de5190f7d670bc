//! The protocol step by step, the same on the in-process store and on real servers, over RESP2 and
//! RESP3.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use cached_redis_test_support::{Server, each_server_async, unique_namespace};

use super::memory::MemoryStore;
use super::redis::{LinkSettings, RedisStore, Server as Address, SocketOptions};
use super::{Found, Store};
use crate::group::{Group, Groups, Stamps};
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId, Life, Nonce};
use crate::record::{self, Codec, Header, Kind, State};

const SCHEMA: u64 = 7;
const LONGEST_RECORD: usize = 100_000;
const LONG: Duration = Duration::from_secs(60);
/// Where everything has an end.
const ENDLESS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// One store under test, and a way to put anything under a key behind its back.
struct Subject {
    store: Arc<dyn Store>,
    namespace: String,
    key: String,
    set: Box<SetRaw>,
}

/// Of a key, with its life, if that has an end.
type SetRaw = dyn Fn(&str, &[u8], Option<Duration>);

impl Subject {
    fn memory() -> Self {
        let store = Arc::new(MemoryStore::new("ns"));
        // Its clock begins with it, and there is to be a time before now.
        store.advance(LONG);
        let set = Arc::clone(&store);
        Self {
            store,
            namespace: "ns".to_owned(),
            key: "ns:p:f:{1}".to_owned(),
            set: Box::new(move |key, bytes, life| {
                set.set_raw(key, bytes, life.unwrap_or(ENDLESS));
            }),
        }
    }

    fn redis(server: &Server, tracking: bool) -> Self {
        let namespace = unique_namespace("store");
        let client = redis::Client::open(server.url()).expect("a URL");
        let connection = RefCell::new(client.get_connection().expect("a server"));
        Self {
            store: Arc::new(Self::connect(server, &namespace, tracking)),
            key: format!("{namespace}:p:f:{{1}}"),
            namespace,
            set: Box::new(move |key, bytes, life| {
                let mut set = redis::cmd("SET");
                set.arg(key).arg(bytes);
                if let Some(life) = life {
                    set.arg("PX").arg(life.as_millis() as u64);
                }
                let set = set.exec(&mut *connection.borrow_mut());
                set.expect("a server that takes it");
            }),
        }
    }

    fn connect(server: &Server, namespace: &str, tracking: bool) -> RedisStore {
        let settings = LinkSettings {
            patience: LONG,
            tracking,
            namespace: namespace.to_owned(),
            longest_reply: LONGEST_RECORD,
            credentials: None,
            member: None,
        };
        let address = Address::Url(server.url().to_owned());
        RedisStore::standalone(address, SocketOptions::default(), settings).expect("a URL")
    }

    /// Puts anything under a key; a lease has an end.
    fn set(&self, key: &str, bytes: &[u8]) {
        self.set_for(key, bytes, Some(LONG));
    }

    fn set_for(&self, key: &str, bytes: &[u8], life: Option<Duration>) {
        (self.set)(key, bytes, life);
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
        let longest = LONGEST_RECORD;
        let acquire = Acquire { nonce, lease: LONG, schema: SCHEMA, intent, seen, stamps, longest };
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
        let ends = self.header().await.soft.expect("given");
        // Not by the clock here, which is ahead of the server's by however long a round trip took.
        while self.store.ask_time(&self.key).await.expect("an answer") < ends {
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
        self.store.stamp(&self.key, &groups, LONG).await.expect("an answer")
    }

    async fn is_current(&self, stamps: &Stamps) -> bool {
        self.store.is_current(&self.key, stamps.bytes()).await.expect("an answer")
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

mod acquire;
mod damage;
mod fences;
mod freshness;
mod groups;
mod leases;
mod many;
