//! A history checker: every read is held against the invalidations that had completed when it began, and against the
//! age that it may have.
//!
//! Each run has a server of its own, two nodes in this process, one that is told what changes and one that speaks
//! RESP2, and a third in a process that is killed again and again.

#[path = "history/node.rs"]
mod node;

use std::time::{Duration, Instant};

use cached_redis::{Cache, FunctionStats};
use cached_redis_runtime::Rule;
use cached_redis_test_support::history::{Report, Source, World};
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Server, each_binary, unique_namespace};
use node::{KEYS, Node, PAGE_STALE, Staff};
use tokio::task::JoinSet;

const HERE: Staff = Staff { readers: 16, writers: 3, clerks: 1 };
const ELSEWHERE: Staff = Staff { readers: 4, writers: 2, clerks: 4 };

/// How long a run may take to find what is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shorter than most loads: it is renewed all the time, and lost now and then.
const LEASE: Duration = Duration::from_millis(5);
/// For a run that is to store as much as it can.
const LONG_LEASE: Duration = Duration::from_millis(200);

/// How long the runs in which nothing is broken take in all; `CACHED_REDIS_HISTORY_SECONDS` makes them longer.
fn length() -> Duration {
    let asked = std::env::var("CACHED_REDIS_HISTORY_SECONDS").ok();
    Duration::from_secs(asked.and_then(|text| text.parse().ok()).unwrap_or(60))
}

/// What a run is about.
#[derive(Clone, Copy, Debug)]
struct Plan {
    length: Duration,
    /// Whether the server throws keys out, fences too: then a fence is worth no more than the invalidation that ends
    /// it, and nothing is promised of the writes of a process that was killed.
    evictions: bool,
    /// Until the first violation.
    broken: Option<Broken>,
}

/// What does not hold in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Rule(Rule),
    /// The bound on the age of a value.
    Age,
}

const BROKEN: [Broken; 6] = [
    Broken::Rule(Rule::Fence),
    Broken::Rule(Rule::Stamps),
    Broken::Rule(Rule::Class),
    Broken::Rule(Rule::Guard),
    Broken::Rule(Rule::Update),
    Broken::Age,
];

impl Plan {
    fn node(self, url: &str, protocol: &str, namespace: &str, world: World) -> Node {
        let url = format!("{url}/?protocol={protocol}");
        let cache = Cache::builder().url(url).namespace(namespace).build().expect("a URL");
        let cache = match self.broken {
            Some(Broken::Rule(rule)) => cache.without_for_tests(rule),
            Some(Broken::Age) | None => cache,
        };
        let mut page_stale = PAGE_STALE;
        if self.broken == Some(Broken::Age) {
            page_stale *= 100;
            // Nobody reloads in the background.
            drop(tokio::spawn({
                let cache = cache.clone();
                async move { cache.shutdown().await }
            }));
        }
        let lease = if self.broken.is_some() { LONG_LEASE } else { LEASE };
        Node { cache, world, fences_last: !self.evictions, lease, page_stale }
    }

    async fn run(self, server: &'static Server) -> Report {
        let world = World::new(Source::new(KEYS, Duration::ZERO..=Duration::from_millis(15)));
        let port = world.listen().await.expect("a port");
        let namespace = unique_namespace("history");
        let node = |protocol: &str| self.node(server.url(), protocol, &namespace, world.clone());
        let nodes = [node("resp3"), node("resp2")];
        let mut tasks = JoinSet::new();
        for node in nodes.clone() {
            tasks.spawn(node.run(HERE));
        }
        let trouble = Trouble { plan: self, server, namespace, port, node: nodes[0].clone() };
        let children = tokio::task::spawn_blocking(move || trouble.make()).await.expect("made");
        assert!(tasks.try_join_next().is_none(), "a node has ended");
        tasks.shutdown().await;
        let evicted = server.info("evicted_keys").unwrap_or_default();
        assert!(!self.evictions || evicted != "0", "the server has room");
        let report = world.report();
        let stats = nodes.map(|node| node.cache.stats());
        let sum = |counter: fn(&FunctionStats) -> u64| -> u64 {
            stats.iter().flat_map(|stats| &stats.functions).map(counter).sum()
        };
        let (stale_hits, fallbacks) = (sum(|f| f.stale_hits), sum(|f| f.fallbacks));
        let (stored, superseded) = (sum(|f| f.stored), sum(|f| f.superseded));
        eprintln!(
            "{}, {self:?}: {report}; {stale_hits} stale hits, {fallbacks} fallbacks, {stored} stored, {superseded} \
             superseded; {children} processes killed, {evicted} keys evicted",
            server.label()
        );
        assert!(self.broken.is_some() || stale_hits.min(superseded) > 0, "nothing happened");
        report
    }
}

/// In a process that will be killed.
fn elsewhere(arguments: &[String]) {
    process::end_with_parent();
    let [url, protocol, namespace, port, evictions, broken] = arguments else {
        panic!("{arguments:?}")
    };
    let plan = Plan {
        length: Duration::MAX,
        evictions: evictions == "true",
        broken: BROKEN.into_iter().find(|known| format!("{known:?}") == *broken),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let world = World::at(port.parse().expect("a port"));
        plan.node(url, protocol, namespace, world).run(ELSEWHERE).await;
    });
}

/// Everything that happens to a server and its nodes.
struct Trouble {
    plan: Plan,
    server: &'static Server,
    namespace: String,
    port: u16,
    node: Node,
}

impl Trouble {
    /// Until the end. Returns how many processes were killed.
    fn make(self) -> usize {
        let mut children = 0;
        let end = Instant::now() + self.plan.length;
        let mut child = self.child("resp3");
        let is_over = || {
            let is_found = self.plan.broken.is_some() && self.node.world.violations() > 0;
            is_found || Instant::now() >= end
        };
        if self.plan.evictions {
            self.throw_out();
        }
        while !is_over() {
            std::thread::sleep(Duration::from_millis(fastrand::u64(50..250)));
            match fastrand::u32(..8) {
                0 => drop(self.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])),
                1 => drop(self.command(&["SCRIPT", "FLUSH"])),
                2 => {
                    self.command(&["DEL", &self.node.stored(fastrand::usize(..KEYS))]);
                }
                3 => {
                    self.server.stop();
                    std::thread::sleep(Duration::from_millis(fastrand::u64(..150)));
                    self.server.cont();
                }
                4 if self.plan.evictions => self.throw_out(),
                5 if self.plan.evictions && fastrand::bool() => drop(self.command(&["FLUSHALL"])),
                6 => {
                    assert!(child.is_running(), "a node has ended elsewhere");
                    child.kill();
                    children += 1;
                    child = self.child(if fastrand::bool() { "resp3" } else { "resp2" });
                }
                _ => {}
            }
        }
        children
    }

    fn command(&self, command: &[&str]) -> String {
        self.server.command(command)
    }

    fn child(&self, protocol: &str) -> Child {
        let Self { plan, server, namespace, port, .. } = self;
        let broken =
            plan.broken.map_or_else(|| "nothing".to_owned(), |broken| format!("{broken:?}"));
        let (port, evictions) = (port.to_string(), plan.evictions.to_string());
        let arguments = [server.url(), protocol, namespace, &port, &evictions, &broken];
        Child::spawn_self("node", "history::nothing_outdated_is_ever_read", &arguments)
    }

    /// Leaves the server less room than it uses. Among some of ours are many keys of nobody's, so that the room that
    /// it has suffices.
    fn throw_out(&self) {
        self.command(&["CONFIG", "SET", "maxmemory", "0"]);
        let fill = "for i = 1, 300 do redis.call('SET', 'filler:' .. i, ARGV[1], 'PX', 60000) end";
        self.command(&["EVAL", fill, "0", &"x".repeat(1000)]);
        let used: u64 = self.server.info("used_memory").expect("a field").parse().expect("bytes");
        self.command(&["CONFIG", "SET", "maxmemory", &(used - 50_000).to_string()]);
    }
}

#[test]
fn nothing_outdated_is_ever_read() {
    if let Some(arguments) = process::role("node") {
        return elsewhere(&arguments);
    }
    let plans = [false, true].map(|evictions| Plan { length: length(), evictions, broken: None });
    each_together(&plans, |report| {
        assert_eq!((report.stale, report.old), (0, 0), "{report}");
        assert!(report.hits > 1000, "the cache was used: {report}");
    });
}

#[test]
fn the_checker_finds_what_is_broken() {
    for broken in BROKEN {
        let plan = Plan { length: PATIENCE, evictions: false, broken: Some(broken) };
        each_together(&[plan], |report| {
            assert!(report.stale + report.old > 0, "{broken:?}: the checker is blind: {report}");
        });
    }
}

/// Runs plans on servers of each kind at the same time: they take their time, but little work.
fn each_together(plans: &[Plan], check: impl Fn(Report)) {
    // Any key may be thrown out, not the one that was not used for the longest time: ours are used all the time.
    let arguments = ["--maxmemory-policy", "allkeys-lru", "--maxmemory-samples", "1"];
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runs = JoinSet::new();
    each_binary(|binary| {
        for plan in plans {
            // For the rest of the process, which the server does not outlive.
            let server: &'static Server = Box::leak(Box::new(Server::start(binary, &arguments)));
            runs.spawn_on(plan.run(server), runtime.handle());
        }
    });
    runtime.block_on(async {
        while let Some(done) = runs.join_next().await {
            check(done.expect("no panic"));
        }
    });
}
