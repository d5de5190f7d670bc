//! Two servers, each with its own keys: what a router needs of this seam, and no more of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use cached_redis_test_support::{Server, each_binary, unique_namespace};

use super::Topology;
use crate::error::Error;
use crate::group::{Group, Groups, Stamps};
use crate::health::Condition;
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId, Life, Nonce};
use crate::loss::Losses;
use crate::record::{self, Codec, Kind};
use crate::stats::ConnectionCounters;
use crate::store::redis::node::Node;
use crate::store::redis::{self, LinkSettings, RedisStore, SocketOptions};
use crate::store::{Operation, Store};
use crate::watched::Watched;

const LONG: Duration = Duration::from_secs(60);

/// Keys that end in an even number are on the first node, others on the second.
struct Pair([Node; 2]);

impl Pair {
    fn index(key: &str) -> usize {
        usize::from(key.bytes().next_back().unwrap_or_default() % 2)
    }

    /// The keys that one node holds. Each has its own generations.
    fn share(index: usize, keys: &[String]) -> Vec<String> {
        let has = |key: &&String| Group::from_key(key).is_some() || Self::index(key) == index;
        keys.iter().filter(has).cloned().collect()
    }
}

impl Topology for Pair {
    type Lent<'a> = &'a Node;

    fn node(&self, key: &str) -> Option<&Node> {
        Some(&self.0[Self::index(key)])
    }

    fn shares<'k>(&self, keys: impl ExactSizeIterator<Item = &'k str>) -> Vec<Vec<usize>> {
        let mut shares = [Vec::new(), Vec::new()];
        keys.enumerate().for_each(|(place, key)| shares[Self::index(key)].push(place));
        shares.into_iter().filter(|share| !share.is_empty()).collect()
    }

    fn at<'a, T, F>(
        &'a self,
        key: &'a str,
        step: impl Fn(&'a Node) -> F + Send + Sync + 'a,
    ) -> Operation<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        Box::pin(step(&self.0[Self::index(key)]))
    }

    fn at_each<'a, F>(
        &'a self,
        keys: &'a [String],
        step: impl Fn(&'a Node, Cow<'a, [String]>) -> F + Send + Sync + 'a,
    ) -> Operation<'a, ()>
    where
        F: Future<Output = Result<(), Error>> + Send + 'a,
    {
        let steps = [0, 1].map(|index| step(&self.0[index], Self::share(index, keys).into()));
        Box::pin(async move {
            let [first, second] = steps;
            let (first, second) = tokio::join!(first, second);
            first.and(second)
        })
    }

    fn remove<'a>(
        &'a self,
        targets: Cow<'a, [Vec<String>]>,
    ) -> Operation<'a, Vec<Result<(), Error>>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for target in &*targets {
                let shares = [0, 1].map(|index| [Self::share(index, target)]);
                let mut outcome = Ok(());
                for (node, share) in self.0.iter().zip(&shares) {
                    if !share[0].is_empty() {
                        outcome = outcome.and(node.remove(share).await?.into_iter().collect());
                    }
                }
                outcomes.push(outcome);
            }
            Ok(outcomes)
        })
    }

    fn watched(&self) -> Option<&Arc<Watched>> {
        Some(self.0[0].watched())
    }

    fn condition(&self) -> Condition {
        self.0[0].condition()
    }

    fn report_to(&self, counters: &Arc<ConnectionCounters>, losses: &Arc<Losses>) {
        self.0.iter().for_each(|node| node.report_to(counters, losses));
    }
}

fn node(server: &Server, namespace: &str) -> Node {
    let server = redis::Server::Url(server.url().to_owned());
    let (source, _) = server.source(SocketOptions::default()).expect("a URL");
    let settings = LinkSettings {
        patience: LONG,
        tracking: true,
        namespace: namespace.to_owned(),
        longest_reply: 100_000,
        credentials: None,
        member: None,
    };
    Node::new(source, settings)
}

async fn acquire(store: &dyn Store, key: &str, stamps: &Stamps) -> Acquired {
    let acquire = Acquire {
        nonce: Nonce { process: 1, sequence: 1 },
        lease: LONG,
        schema: 7,
        intent: Intent::Read,
        seen: LeaseId::NONE,
        stamps,
        longest: 100_000,
    };
    store.acquire(key, acquire).await.expect("an answer")
}

/// Stores a value in a group.
async fn fill(store: &dyn Store, key: &str, group: Group) {
    let stamps = store.stamp(key, &[group], LONG).await.expect("an answer").expect("no fence");
    let Acquired::Grant { lease, .. } = acquire(store, key, &stamps).await else {
        panic!("nobody else has it")
    };
    let mut record = record::value(Kind::Value, Codec::Json, 7);
    record::stamp(&mut record, &stamps);
    record::sign(&mut record, &lease);
    let life = Life { whole: LONG, fresh: None };
    let filled = store.fill(key, lease, &record, life).await;
    assert_eq!(filled.expect("an answer"), Filled::Stored);
}

/// Whether there is a value, and whether it counts.
async fn counts(store: &dyn Store, key: &str) -> Option<bool> {
    let found = store.read(key, &Groups::default()).await.expect("an answer");
    found.map(|found| found.is_current)
}

#[test]
fn each_key_has_its_server_with_its_clock_its_pushes_and_its_generations() {
    each_binary(|binary| {
        let servers = [Server::start(binary, &[]), Server::start(binary, &[])];
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let namespace = unique_namespace("topology");
            let nodes = || [node(&servers[0], &namespace), node(&servers[1], &namespace)];
            let store = RedisStore { topology: Pair(nodes()) };
            let [here, there] = [0, 1].map(|number| format!("{namespace}:p:f:{number}"));
            let group = Group::tag("a");

            assert_eq!(counts(&store, &here).await, None);
            assert!(store.now(&here).is_some(), "asked when it was connected to");
            assert_eq!(store.now(&there), None, "nobody has asked that one");

            fill(&store, &here, group).await;
            fill(&store, &there, group).await;
            for (server, key) in servers.iter().zip([&here, &there]) {
                let keys = server.command(&["KEYS", "*:p:f:*"]);
                assert!(
                    keys.contains(key.as_str()) && keys.matches(":p:f:").count() == 1,
                    "{keys}"
                );
            }
            let both = async || [counts(&store, &here).await, counts(&store, &there).await];
            assert_eq!(both().await, [Some(true); 2]);

            // One server says that its generation is gone. Nothing is said of the other's.
            let others = Pair(nodes());
            let generation = [group.key(&namespace)];
            others.0[0].remove(&[generation.to_vec()]).await.expect("an answer");
            assert_eq!(both().await, [Some(false), Some(true)]);

            let others = RedisStore { topology: others };
            others.delete(&generation).await.expect("both");
            assert_eq!(both().await, [Some(false); 2]);

            let keys = [here.clone(), there.clone()];
            let fence = Nonce { process: 9, sequence: 9 };
            store.hold(&keys, fence, LONG).await.expect("both");
            assert_eq!(both().await, [None; 2]);
            for key in &keys {
                assert_eq!(acquire(&store, key, &Stamps::default()).await, Acquired::NoStore);
            }
            store.lift(&keys, fence).await.expect("both");
            fill(&store, &here, group).await;
            fill(&store, &there, group).await;
            assert_eq!(both().await, [Some(true); 2]);
            let targets = [vec![here.clone()], vec![there.clone()], generation.to_vec()];
            let removed = store.delete_each(&targets).await.expect("an answer");
            assert!(removed.len() == 3 && removed.iter().all(Result::is_ok), "{removed:?}");
            assert_eq!(both().await, [None; 2]);
        });
    });
}

#[test]
fn a_batch_is_divided_among_the_servers_and_answered_in_its_order() {
    each_binary(|binary| {
        let servers = [Server::start(binary, &[]), Server::start(binary, &[])];
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let namespace = unique_namespace("topology");
            let nodes = [node(&servers[0], &namespace), node(&servers[1], &namespace)];
            let store = RedisStore { topology: Pair(nodes) };
            let keys: Vec<String> =
                (0..5).map(|number| format!("{namespace}:p:f:{number}")).collect();
            for key in keys.iter().filter(|key| !key.ends_with('2')) {
                fill(&store, key, Group::tag("a")).await;
            }
            let groups = Groups::default();
            let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), &groups)).collect();
            let found = store.read_many(&entries).await.expect("both");
            let found: Vec<_> = found.into_iter().map(|found| found.is_some()).collect();
            assert_eq!(found, [true, true, false, true, true]);
        });
    });
}
