//! Copies in the process, over real servers: what they save, and that none outlives what is promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::poll::until_async;
use cached_redis_test_support::{Mode, Proxy, Server, each_binary, unique_namespace};

use tokio::runtime::Runtime;

use crate::support::PATIENCE;

/// Long: what ends a copy in these tests is not silence.
const BOUND: Duration = PATIENCE;

/// The source of a process, and its copies.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) cache: Cache,
    /// What the source holds, shared with the other processes.
    pub(crate) truth: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
    bound: Duration,
}

impl Reader {
    pub(crate) fn new(url: &str, namespace: &str, truth: &Arc<AtomicU64>, bound: Duration) -> Self {
        let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
        let (cache, truth) = (cache.expect("a URL"), Arc::clone(truth));
        Self { cache, truth, loads: Arc::default(), bound }
    }

    #[redis_cached(
        ttl = 600, prefix = "test", key(id), skip(self), jitter = 0.0, cache = self.cache,
        tags = ["shelf:{id}"], local = self.bound
    )]
    pub(crate) async fn value(&self, id: u64) -> Option<u64> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Some(self.truth.load(Ordering::SeqCst)).filter(|value| *value != 0)
    }

    /// Makes entry 1 another one, each round in the next of all ways.
    async fn replace(&self, round: u64) {
        self.truth.store(round, Ordering::SeqCst);
        match round % 4 {
            0 => self.value_invalidate(1).await,
            1 => self.value_invalidate_all().await,
            2 => self.cache.invalidate_tag("shelf:1").await,
            _ => self.value_entry(1).put(Some(round)).await,
        }
        .expect("a server");
    }

    pub(crate) fn local_hits(&self) -> u64 {
        self.cache.stats().functions.iter().map(|function| function.local_hits).sum()
    }

    /// Asks until the answer comes from a copy.
    pub(crate) async fn copied(&self, id: u64) {
        until_async("there is a copy", PATIENCE, async || {
            let before = self.local_hits();
            self.value(id).await;
            self.local_hits() > before
        })
        .await;
    }
}

/// Two processes over one source, as far as a server can tell.
fn two(server: &Server) -> (Reader, Reader) {
    let (namespace, truth) = (unique_namespace("local"), Arc::new(AtomicU64::new(1)));
    let reader = || Reader::new(server.url(), &namespace, &truth, BOUND);
    (reader(), reader())
}

/// Servers that nobody else uses.
fn each_own(mut test: impl AsyncFnMut(&Server)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        Runtime::new().expect("a runtime").block_on(test(&server));
    });
}

#[test]
fn a_copy_costs_the_server_nothing() {
    each_own(async |server| {
        let (reader, _) = two(server);
        reader.copied(1).await;
        let before = reader.local_hits();
        server.reset_commandstats();
        for _ in 0..1000 {
            assert_eq!(reader.value(1).await, Some(1));
        }
        assert_eq!(reader.local_hits(), before + 1000);
        let gets = server.commandstats().get("get").copied().unwrap_or(0);
        // The heartbeat alone: twice for each of three questions in a bound.
        assert!(gets <= 6, "{:?}", server.commandstats());
    });
}

#[test]
fn absences_are_copied_too() {
    each_own(async |server| {
        let (reader, _) = two(server);
        reader.truth.store(0, Ordering::SeqCst);
        reader.copied(1).await;
        assert_eq!(reader.value(1).await, None);
        assert_eq!(reader.loads.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn what_this_process_removes_is_gone_when_that_returns() {
    each_own(async |server| {
        let (reader, _) = two(server);
        for round in 2..50 {
            reader.copied(1).await;
            reader.replace(round).await;
            assert_eq!(reader.value(1).await, Some(round), "round {round}");
        }
    });
}

#[test]
fn what_another_process_removes_is_gone_long_before_the_bound() {
    each_own(async |server| {
        let (reader, writer) = two(server);
        for round in 2..50 {
            reader.copied(1).await;
            writer.replace(round).await;
            until_async("it is gone", BOUND / 2, async || reader.value(1).await == Some(round))
                .await;
        }
    });
}

/// What ends all copies, though no key is named.
#[test]
fn what_ends_the_database_ends_the_copies() {
    each_own(async |server| {
        let namespace = unique_namespace("local");
        let truth = Arc::new(AtomicU64::new(1));
        let bound = Duration::from_millis(300);
        let reader = Reader::new(server.url(), &namespace, &truth, bound);
        for command in
            [&["FLUSHALL"][..], &["SWAPDB", "0", "1"], &["CLIENT", "KILL", "TYPE", "NORMAL"]]
        {
            reader.copied(1).await;
            truth.fetch_add(1, Ordering::SeqCst);
            let now = truth.load(Ordering::SeqCst);
            server.command(command);
            if command[0] == "CLIENT" {
                server.command(&["DEL", &reader.value_entry(1).key().expect("a key")]);
            }
            let what = format!("{command:?} is noticed");
            until_async(what, PATIENCE, async || reader.value(1).await == Some(now)).await;
        }
    });
}

/// A connection over which nothing arrives, and which nobody has closed.
#[test]
fn a_silent_network_ends_copies_within_the_bound() {
    each_own(async |server| {
        let (namespace, truth) = (unique_namespace("local"), Arc::new(AtomicU64::new(1)));
        let proxy = Proxy::start(server.port());
        let bound = Duration::from_millis(500);
        let budget = Duration::from_millis(50);
        let cache = Cache::builder().url(proxy.url()).namespace(&namespace).budget(budget);
        let reader = Reader {
            cache: cache.build().expect("a URL"),
            truth: Arc::clone(&truth),
            loads: Arc::default(),
            bound,
        };
        let writer = Reader::new(server.url(), &namespace, &truth, bound);
        reader.copied(1).await;
        proxy.set(Mode::BlackHole);
        truth.store(2, Ordering::SeqCst);
        writer.value_invalidate(1).await.expect("a server");
        let removed = std::time::Instant::now();
        loop {
            let asked = removed.elapsed();
            if reader.value(1).await == Some(2) {
                break;
            }
            assert!(asked < bound, "a copy has answered {asked:?} after it was removed");
        }
        assert_eq!(reader.value(1).await, Some(2));
    });
}

#[test]
fn without_reports_nothing_is_copied() {
    each_own(async |server| {
        let url = format!("{}?protocol=resp2", server.url());
        let truth = Arc::new(AtomicU64::new(1));
        let reader = Reader::new(&url, &unique_namespace("local"), &truth, BOUND);
        for _ in 0..100 {
            assert_eq!(reader.value(1).await, Some(1));
        }
        let stats = reader.cache.stats();
        assert_eq!((reader.local_hits(), stats.local_copies), (0, 0));
        // All but those for which there was no connection yet.
        let off = stats.functions[0].local_off;
        assert!((90..=100).contains(&off), "{off}");
    });
}
