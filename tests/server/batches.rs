//! Batches on real servers: round trips, who loads, and that nothing stale is left behind.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cached_redis::{Cache, redis_cached};
use cached_redis_runtime::Rule;
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{
    Mode, Proxy, Server, Stopwatch, each_binary, each_server, poll, unique_namespace,
};
use tokio::sync::Notify;

use crate::support::{Failure, LOAD, PATIENCE};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// Sixteen of them fill what is read at once.
const LARGE: usize = 256 << 10;

/// A source of versions of numbers.
#[derive(Clone)]
struct Source {
    cache: Cache,
    /// The ids that each run of the body got.
    loads: Arc<Mutex<Vec<Vec<u64>>>>,
    version: Arc<Mutex<u64>>,
    delay: Duration,
    /// Waited for after the source has been read.
    gate: Option<Arc<Notify>>,
}

impl Source {
    async fn at(url: &str, namespace: &str) -> Self {
        let cache = Cache::builder().url(url).namespace(namespace).budget(PATIENCE).build();
        let cache = cache.expect("a URL");
        let up = async || cache.health().await.is_up();
        poll::until_async("connected", PATIENCE, up).await;
        let (loads, version) = (Arc::default(), Arc::default());
        Self { cache, loads, version, delay: Duration::ZERO, gate: None }
    }

    async fn on(server: &Server) -> Self {
        Self::at(server.url(), &unique_namespace("batch")).await
    }

    fn read(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.loads.lock().expect("no panic").push(ids.to_vec());
        let version = *self.version.lock().expect("no panic");
        ids.iter().map(|id| (*id, version)).collect()
    }

    async fn load(&self, ids: &[u64]) -> HashMap<u64, u64> {
        let read = self.read(ids);
        tokio::time::sleep(self.delay).await;
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        read
    }

    #[redis_cached(ttl = 600, prefix = "batch", skip(self), jitter = 0.0, cache = self.cache)]
    async fn single(&self, id: u64) -> Option<u64> {
        self.load(&[id]).await.remove(&id)
    }

    #[redis_cached(each(ids), of = self.single, skip(self))]
    async fn many(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failure> {
        Ok(self.load(ids).await)
    }

    #[redis_cached(
        ttl = 600, prefix = "batch", each(ids), skip(self), cache = self.cache, tags = ["parity:{ret.0}"]
    )]
    async fn branded(&self, ids: &[u64]) -> BTreeMap<u64, (u64, u64)> {
        self.load(ids).await.into_iter().map(|(id, version)| (id, (id % 2, version))).collect()
    }

    #[redis_cached(ttl = 600, prefix = "batch", each(ids), skip(self), cache = self.cache)]
    async fn large(&self, ids: &[u64]) -> HashMap<u64, String> {
        ids.iter().map(|id| (*id, "x".repeat(LARGE))).collect()
    }

    fn take_loads(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *self.loads.lock().expect("no panic"))
    }

    fn set_version(&self, version: u64) {
        *self.version.lock().expect("no panic") = version;
    }
}

fn counted(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
    all.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn a_batch_takes_a_command_for_each_id_and_a_round_trip_for_each_step() {
    const DELAY: Duration = Duration::from_millis(200);
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let proxy = Proxy::start(server.port());
        runtime().block_on(async {
            let source = Source::at(&proxy.url(), &unique_namespace("batch")).await;
            // The first of a function also asks for its generation.
            let ids: Vec<u64> = (0..100).collect();
            source.many(&ids).await.expect("values");
            source.many(&ids).await.expect("values");
            let is_tracked = source.cache.health().await.tracking == cached_redis::Tracking::On;
            if !is_tracked {
                return;
            }
            let half: Vec<u64> = (50..150).collect();
            for (ids, trips, sent) in [
                (&ids, 1, counted(&[("get", 100)])),
                // The scripts read the fence and the entry, and write.
                (&half, 3, BTreeMap::new()),
            ] {
                server.reset_commandstats();
                proxy.set(Mode::Delay(DELAY));
                let (began, watch) = (Instant::now(), Stopwatch::start());
                source.many(ids).await.expect("values");
                let (took, without_pauses) = (began.elapsed(), watch.elapsed());
                proxy.set(Mode::Pass);
                assert!(took >= trips * DELAY, "{trips} round trips: {took:?}");
                assert!(without_pauses < (trips + 1) * DELAY, "{trips} round trips: {took:?}");
                if !sent.is_empty() {
                    assert_eq!(server.commandstats(), sent);
                }
            }
            let loads = source.take_loads();
            assert_eq!(loads.len(), 2);
            assert_eq!(loads[1], (100..150).collect::<Vec<_>>());
        });
    });
}

#[test]
fn large_values_are_read_a_few_at_a_time() {
    const DELAY: Duration = Duration::from_millis(200);
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let proxy = Proxy::start(server.port());
        runtime().block_on(async {
            let source = Source::at(&proxy.url(), &unique_namespace("batch")).await;
            let ids: Vec<u64> = (0..64).collect();
            source.large(&ids).await;
            proxy.set(Mode::Delay(DELAY));
            let began = Instant::now();
            let values = source.large(&ids).await;
            proxy.set(Mode::Pass);
            assert!(began.elapsed() >= 4 * DELAY, "{:?}", began.elapsed());
            assert!(values.len() == 64 && values.values().all(|value| value.len() == LARGE));
            let stats = source.cache.stats();
            let of = stats.functions.first().expect("called");
            assert_eq!((of.hits, of.loads), (64, 1));
        });
    });
}

#[test]
fn single_calls_and_batches_share_their_entries() {
    each_server(|server| {
        runtime().block_on(async {
            let source = Source::on(server).await;
            assert_eq!(source.many(&[1, 2]).await.expect("values").len(), 2);
            assert_eq!(source.single(1).await, Some(0));
            source.single(3).await;
            source.many(&[1, 2, 3]).await.expect("values");
            assert_eq!(source.take_loads(), [vec![1, 2], vec![3]]);
            source.single_invalidate(1).await.expect("a server");
            source.many_invalidate(&[2]).await.expect("a server");
            source.many(&[1, 2, 3]).await.expect("values");
            assert_eq!(source.take_loads(), [[1, 2]]);
        });
    });
}

#[test]
fn a_group_of_values_is_invalidated_with_a_batch() {
    each_server(|server| {
        runtime().block_on(async {
            let source = Source::on(server).await;
            let ids: Vec<u64> = (0..20).collect();
            source.branded(&ids).await;
            source.branded(&ids).await;
            source.cache.invalidate_tag("parity:1").await.expect("a server");
            source.branded(&ids).await;
            let odd: Vec<u64> = ids.iter().copied().filter(|id| id % 2 == 1).collect();
            assert_eq!(source.take_loads(), [ids.clone(), odd]);
            source.branded_invalidate_all().await.expect("a server");
            source.branded(&ids).await;
            assert_eq!(source.take_loads(), [ids]);
        });
    });
}

/// Loads two ids, one of which is invalidated meanwhile, and returns what calls that begin after that get.
async fn race(source: Source) -> u64 {
    let gate = Arc::new(Notify::new());
    let old = Source { gate: Some(Arc::clone(&gate)), ..source.clone() };
    let loading = tokio::spawn(async move { old.many(&[1, 2]).await });
    let has_begun = async || !source.loads.lock().expect("no panic").is_empty();
    poll::until_async("loading", PATIENCE, has_begun).await;
    source.set_version(1);
    source.single_invalidate(1).await.expect("a server");
    gate.notify_one();
    assert_eq!(loading.await.expect("no panic").expect("values")[&1], 0);
    source.many(&[1, 2]).await.expect("values")[&1]
}

#[test]
fn what_was_invalidated_during_a_load_is_not_stored_by_it() {
    each_server(|server| {
        runtime().block_on(async {
            assert_eq!(race(Source::on(server).await).await, 1);
            // The test would notice a cache that does not fence.
            let fenced = Source::on(server).await;
            let cache = fenced.cache.without_for_tests(Rule::Fence);
            assert_eq!(race(Source { cache, ..fenced }).await, 0);
        });
    });
}

#[test]
fn overlapping_batches_of_several_processes_load_each_id_once() {
    const TEST: &str = "batches::overlapping_batches_of_several_processes_load_each_id_once";
    const PROCESSES: u64 = 4;
    if let Some(arguments) = process::role("overlapping") {
        let [url, namespace, first] = &arguments[..] else { panic!("{arguments:?}") };
        let first: u64 = first.parse().expect("a number");
        runtime().block_on(async {
            let source = Source { delay: LOAD, ..Source::at(url, namespace).await };
            process::say("ready");
            process::hear();
            // Each half overlaps with the next process's, the last with the first, in another order.
            let ids: Vec<u64> = (0..50).map(|id| (first * 25 + id) % (PROCESSES * 25)).collect();
            let began = Instant::now();
            let answer = source.many(&ids).await.expect("values");
            assert_eq!(answer.len(), 50);
            assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
            process::say(&format!("{}", source.take_loads().concat().len()));
        });
        return;
    }
    each_server(|server| {
        let namespace = unique_namespace("overlapping");
        let spawn = |number: u64| {
            let arguments = [server.url(), &namespace, &number.to_string()];
            Child::spawn_self("overlapping", TEST, &arguments)
        };
        let mut children: Vec<Child> = (0..PROCESSES).map(spawn).collect();
        children.iter_mut().for_each(|child| assert_eq!(child.line(), "ready"));
        children.iter_mut().for_each(|child| child.send("go"));
        let loaded = |child: &mut Child| child.line().parse::<u64>().expect("a number");
        assert_eq!(children.iter_mut().map(loaded).sum::<u64>(), PROCESSES * 25);
        assert!(children.into_iter().all(Child::finish));
    });
}

#[test]
fn ten_thousand_entries_are_warmed_and_those_that_are_there_are_left_alone() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let source = Source::on(&server).await;
            source.single(7).await;
            source.set_version(1);
            for _ in 0..2 {
                let warming = source.cache.warm(0..10_000_u64, |ids| {
                    let source = source.clone();
                    async move { source.many(&ids).await }
                });
                assert_eq!(warming.run().await.expect("a server"), 10_000);
            }
            let loads = source.take_loads();
            assert_eq!(loads.concat().len(), 10_000);
            assert!(loads.iter().all(|ids| ids.len() <= 500));
            assert_eq!(source.single(7).await, Some(0));
        });
    });
}
