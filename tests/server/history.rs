//! A history checker: every read is held against the invalidations that had completed when it began, and against the
//! age that it may have.
//!
//! Each run has a server of its own, two nodes in this process, one that is told what changes and one that speaks
//! RESP2, and a third in a process that is killed again and again. Some of their reads are of many entries at once.

#[path = "history/node.rs"]
mod node;

use std::time::{Duration, Instant};

use cached_redis::{Cache, FunctionStats};
use cached_redis_runtime::Rule;
use cached_redis_test_support::history::{Report, Source, World};
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Mode, Proxy, Server, each_binary, unique_namespace};
use node::{BOUND, KEYS, Node, PAGE_STALE, Staff};
use tokio::task::JoinSet;

const HERE: Staff = Staff { readers: 16, writers: 3, clerks: 1, repeats: 1 };
/// Copies are made of what is left alone for a while.
const FEW: Staff = Staff { readers: 16, writers: 1, clerks: 1, repeats: 10 };
const ELSEWHERE: Staff = Staff { readers: 4, writers: 2, clerks: 4, repeats: 1 };

/// Reads of batches, among a hundred.
const SOME: u32 = 20;
const ALL: u32 = 100;

/// How long a run may take to find what is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shorter than most loads: it is renewed all the time, and lost now and then.
const LEASE: Duration = Duration::from_millis(5);
/// For a run that is to store as much as it can.
const LONG_LEASE: Duration = Duration::from_millis(200);

/// Empties the other database, so that what comes from there is nothing.
const EMPTY_THE_OTHER: &str = "redis.call('SELECT', 1) redis.call('FLUSHDB')";

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
    /// Whether the nodes keep copies, over a network that fails too.
    local: bool,
    /// How many of a hundred reads are those of a batch.
    batches: u32,
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

const BROKEN: [Broken; 7] = [
    Broken::Rule(Rule::Fence),
    Broken::Rule(Rule::Stamps),
    Broken::Rule(Rule::Class),
    Broken::Rule(Rule::Guard),
    Broken::Rule(Rule::Update),
    Broken::Rule(Rule::Watch),
    Broken::Age,
];

impl Plan {
    fn node(self, url: &str, protocol: &str, namespace: &str, world: World) -> Node {
        let url = format!("{url}/?protocol={protocol}");
        let cache = Cache::builder().url(url).namespace(namespace);
        let cache = if self.local { cache } else { cache.local_max_bytes(0) };
        let cache = cache.build().expect("a URL");
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
        let lease = if self.broken.is_some() || self.local { LONG_LEASE } else { LEASE };
        let bound = if self.local { BOUND } else { Duration::ZERO };
        let (has_room, batches) = (!self.evictions, self.batches);
        Node { cache, world, has_room, lease, page_stale, bound, batches }
    }

    async fn run(self, server: &'static Server) -> Report {
        let world = World::new(Source::new(KEYS, Duration::ZERO..=Duration::from_millis(15)));
        let port = world.listen().await.expect("a port");
        let namespace = unique_namespace("history");
        let proxy = Proxy::start(server.port());
        let url = if self.local { proxy.url() } else { server.url().to_owned() };
        let nodes = [(url.as_str(), "resp3"), (server.url(), "resp2")]
            .map(|(url, protocol)| self.node(url, protocol, &namespace, world.clone()));
        let mut tasks = JoinSet::new();
        for node in nodes.clone() {
            tasks.spawn(node.run(if self.local { FEW } else { HERE }));
        }
        let node = nodes[0].clone();
        let trouble = Trouble { plan: self, server, proxy, namespace, port, node };
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
        let local_hits = sum(|f| f.local_hits);
        assert_eq!(self.local, local_hits > 0, "{local_hits} local hits");
        let (stored, superseded) = (sum(|f| f.stored), sum(|f| f.superseded));
        eprintln!(
            "{}, {self:?}: {report}; {local_hits} local hits, {stale_hits} stale hits, {fallbacks} fallbacks, {stored} stored, {superseded} \
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
    let [url, protocol, namespace, port, evictions, local, batches, broken] = arguments else {
        panic!("{arguments:?}")
    };
    let plan = Plan {
        length: Duration::MAX,
        evictions: evictions == "true",
        local: local == "true",
        batches: batches.parse().expect("a number"),
        broken: BROKEN.into_iter().find(|known| format!("{known:?}") == *broken),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let world = World::at(port.parse().expect("a port"));
        let staff = if plan.local { FEW } else { ELSEWHERE };
        plan.node(url, protocol, namespace, world).run(staff).await;
    });
}

/// Everything that happens to a server and its nodes.
struct Trouble {
    plan: Plan,
    server: &'static Server,
    /// Between the server and the node.
    proxy: Proxy,
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
            let pause = Duration::from_millis(fastrand::u64(50..250));
            std::thread::sleep(if self.plan.local { 4 * pause } else { pause });
            match fastrand::u32(..if self.plan.local { 13 } else { 8 }) {
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
                // A process that is paused, and goes on as if nothing had been.
                8 => child.pause(Duration::from_millis(fastrand::u64(..600))),
                9 => self.proxy.cut(),
                10 => {
                    self.proxy.set(Mode::BlackHole);
                    std::thread::sleep(Duration::from_millis(fastrand::u64(..400)));
                    self.proxy.set(Mode::Pass);
                }
                // Another database under the same number, of which nobody is told.
                11 => {
                    self.command(&["EVAL", EMPTY_THE_OTHER, "0"]);
                    std::thread::sleep(Duration::from_millis(100));
                    self.command(&["SWAPDB", "0", "1"]);
                }
                // More is watched than the server remembers.
                12 => {
                    for most in ["10", "1000000"] {
                        self.command(&["CONFIG", "SET", "tracking-table-max-keys", most]);
                        std::thread::sleep(Duration::from_millis(fastrand::u64(..300)));
                    }
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
        let (local, batches) = (plan.local.to_string(), plan.batches.to_string());
        let arguments =
            [server.url(), protocol, namespace, &port, &evictions, &local, &batches, &broken];
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
    let (length, local, batches, broken) = (length(), false, SOME, None);
    let plan = |evictions| Plan { length, evictions, local, batches, broken };
    each_together(&[plan(false), plan(true)], is_clean);
}

#[test]
fn no_copy_outlives_its_bound() {
    each_together(
        &[Plan { length: length(), evictions: true, local: true, batches: SOME, broken: None }],
        is_clean,
    );
}

fn is_clean(report: Report) {
    assert_eq!((report.stale, report.old), (0, 0), "{report}");
    assert!(report.hits > 1000, "the cache was used: {report}");
}

#[test]
fn the_checker_finds_what_is_broken() {
    BROKEN.into_iter().for_each(|broken| is_found(broken, 0));
}

#[test]
fn the_checker_finds_what_is_broken_by_batches_alone() {
    for rule in [Rule::Fence, Rule::Stamps, Rule::Class, Rule::Watch] {
        is_found(Broken::Rule(rule), ALL);
    }
}

fn is_found(broken: Broken, batches: u32) {
    let local = broken == Broken::Rule(Rule::Watch);
    let plan = Plan { length: PATIENCE, evictions: false, local, batches, broken: Some(broken) };
    each_together(&[plan], |report| {
        assert!(report.stale + report.old > 0, "{broken:?}: the checker is blind: {report}");
    });
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
