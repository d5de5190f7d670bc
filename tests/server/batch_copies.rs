//! Copies of the entries of batches, over real servers: what they save, who shares them, and what ends them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, redis_cached};
use cached_redis_runtime::Rule;
use cached_redis_test_support::poll::until_async;
use cached_redis_test_support::{Server, each_binary, unique_namespace};
use tokio::runtime::Runtime;

use crate::support::{Failure, PATIENCE};

/// Long: what ends a copy in these tests is not silence.
const BOUND: Duration = PATIENCE;

/// The source of a process, and its copies.
#[derive(Clone)]
struct Reader {
    cache: Cache,
    /// What the source holds for every id, shared with the other processes.
    truth: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
}

impl Reader {
    fn new(server: &Server, namespace: &str, truth: &Arc<AtomicU64>) -> Self {
        let cache = Cache::builder().url(server.url()).namespace(namespace).budget(PATIENCE);
        let cache = cache.build().expect("a URL");
        Self { cache, truth: Arc::clone(truth), loads: Arc::default() }
    }

    fn load(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let truth = self.truth.load(Ordering::SeqCst);
        // There is nothing for every tenth id.
        ids.iter().filter(|id| *id % 10 != 0).map(|id| (*id, truth)).collect()
    }

    #[redis_cached(
        ttl = 600, prefix = "copies", skip(self), jitter = 0.0, cache = self.cache,
        tags = ["shelf:{id}"], local = BOUND
    )]
    async fn one(&self, id: u64) -> Option<u64> {
        self.load(&[id]).remove(&id)
    }

    #[redis_cached(each(ids), of = self.one, skip(self))]
    async fn many(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failure> {
        Ok(self.load(ids))
    }

    /// Entries of its own, and copies of its own.
    #[redis_cached(
        ttl = 600, prefix = "copies", each(ids), skip(self), jitter = 0.0, cache = self.cache,
        local(bound = BOUND, max_bytes = "8M")
    )]
    async fn own(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.load(ids)
    }

    async fn get(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.many(ids).await.expect("values")
    }

    fn local_hits(&self) -> u64 {
        self.cache.stats().functions.iter().map(|function| function.local_hits).sum()
    }

    /// Asks until each answer comes from a copy.
    async fn copied(&self, ids: &[u64]) {
        until_async("there are copies", PATIENCE, async || {
            let before = self.local_hits();
            self.get(ids).await;
            self.local_hits() == before + ids.len() as u64
        })
        .await;
    }
}

/// Two processes over one source, as far as a server can tell.
fn two(server: &Server) -> (Reader, Reader) {
    let (namespace, truth) = (unique_namespace("copies"), Arc::new(AtomicU64::new(1)));
    let reader = || Reader::new(server, &namespace, &truth);
    (reader(), reader())
}

/// Servers that nobody else uses.
fn each_own(mut test: impl AsyncFnMut(&Server)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        Runtime::new().expect("a runtime").block_on(test(&server));
    });
}

/// How often the server was asked for something, apart from the heartbeat: twice for each of three questions in a bound.
fn gets(server: &Server) -> u64 {
    server.commandstats().get("get").copied().unwrap_or(0)
}

const HEARTBEAT: u64 = 6;

#[test]
fn ids_with_a_copy_cost_the_server_nothing() {
    each_own(async |server| {
        let (reader, _) = two(server);
        let ids: Vec<u64> = (0..100).collect();
        reader.copied(&ids).await;
        let expected = reader.get(&ids).await;
        assert_eq!(expected.len(), 90, "an absence is copied too");
        let before = reader.local_hits();
        server.reset_commandstats();
        for _ in 0..10 {
            assert_eq!(reader.get(&ids).await, expected);
        }
        assert_eq!(reader.local_hits(), before + 1000);
        assert!(gets(server) <= HEARTBEAT, "{:?}", server.commandstats());
    });
}

#[test]
fn ids_without_one_are_read_and_those_that_are_read_again_are_copied() {
    each_own(async |server| {
        let (reader, _) = two(server);
        let (half, ids): (Vec<u64>, Vec<u64>) = ((0..50).collect(), (0..100).collect());
        reader.copied(&half).await;
        // Read for the first time here: loaded, and then read once more.
        reader.get(&ids).await;
        server.reset_commandstats();
        let before = reader.local_hits();
        reader.get(&ids).await;
        assert_eq!(reader.local_hits(), before + 50);
        assert!((50..=50 + HEARTBEAT).contains(&gets(server)), "{:?}", server.commandstats());
        let before = reader.local_hits();
        reader.get(&ids).await;
        assert_eq!(reader.local_hits(), before + 100);
    });
}

#[test]
fn a_batch_and_the_function_whose_entries_it_has_share_their_copies() {
    each_own(async |server| {
        let (reader, _) = two(server);
        reader.copied(&[1, 2, 10]).await;
        let before = reader.local_hits();
        assert_eq!((reader.one(1).await, reader.one(10).await), (Some(1), None));
        assert_eq!(reader.local_hits(), before + 2);
        until_async("there is a copy", PATIENCE, async || {
            let before = reader.local_hits();
            reader.one(3).await;
            reader.local_hits() > before
        })
        .await;
        let before = reader.local_hits();
        assert_eq!(reader.get(&[3]).await, HashMap::from([(3, 1)]));
        assert_eq!(reader.local_hits(), before + 1);
    });
}

#[test]
fn a_batch_with_entries_of_its_own_has_copies_of_its_own() {
    each_own(async |server| {
        let (reader, _) = two(server);
        until_async("there are copies", PATIENCE, async || {
            let before = reader.local_hits();
            assert_eq!(reader.own(&[1, 2, 10]).await, HashMap::from([(1, 1), (2, 1)]));
            reader.local_hits() == before + 3
        })
        .await;
        assert_eq!(reader.loads.load(Ordering::SeqCst), 1);
        reader.truth.store(2, Ordering::SeqCst);
        reader.own_invalidate(&[1]).await.expect("a server");
        assert_eq!(reader.own(&[1, 2]).await, HashMap::from([(1, 2), (2, 1)]));
        reader.own_invalidate_all().await.expect("a server");
        assert_eq!(reader.own(&[1, 2]).await, HashMap::from([(1, 2), (2, 2)]));
    });
}

/// Makes the entries of odd ids others, each round in the next of all ways.
async fn replace(reader: &Reader, round: u64) {
    reader.truth.store(round, Ordering::SeqCst);
    match round % 4 {
        0 => reader.many_invalidate(&[1, 3]).await,
        1 => reader.one_invalidate_all().await,
        2 => {
            reader.cache.invalidate_tag("shelf:1").await.expect("a server");
            reader.cache.invalidate_tag("shelf:3").await
        }
        _ => {
            reader.one_entry(1).put(Some(round)).await.expect("a server");
            reader.one_entry(3).put(Some(round)).await
        }
    }
    .expect("a server");
}

#[test]
fn what_this_process_removes_is_gone_when_that_returns() {
    each_own(async |server| {
        let (reader, _) = two(server);
        for round in 2..30 {
            reader.copied(&[1, 2, 3]).await;
            replace(&reader, round).await;
            let answer = reader.get(&[1, 2, 3]).await;
            assert_eq!((answer[&1], answer[&3]), (round, round));
        }
    });
}

/// Whether a batch hears of what another process has removed.
async fn hears(reader: &Reader, writer: &Reader) -> bool {
    reader.copied(&[1, 2, 3]).await;
    writer.truth.store(2, Ordering::SeqCst);
    writer.many_invalidate(&[1]).await.expect("a server");
    let began = tokio::time::Instant::now();
    while began.elapsed() < BOUND / 8 {
        if reader.get(&[1, 2, 3]).await[&1] == 2 {
            return true;
        }
    }
    false
}

#[test]
fn what_another_process_removes_is_gone_long_before_the_bound() {
    each_own(async |server| {
        let (reader, writer) = two(server);
        for round in 2..30 {
            reader.copied(&[1, 2, 3]).await;
            replace(&writer, round).await;
            until_async("it is gone", BOUND / 2, async || {
                let answer = reader.get(&[1, 2, 3]).await;
                (answer[&1], answer[&3]) == (round, round)
            })
            .await;
        }
        let (reader, writer) = two(server);
        assert!(hears(&reader, &writer).await);
        // The test would notice copies of which nobody says that they have changed.
        let (reader, writer) = two(server);
        let deaf = Reader { cache: reader.cache.without_for_tests(Rule::Watch), ..reader };
        assert!(!hears(&deaf, &writer).await);
    });
}
