//! Waiting for loads in other processes: what it costs the server, and how soon it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cached_redis::Cache;
use cached_redis_test_support::poll::until_async;
use cached_redis_test_support::{Mode, Proxy, Server, Stopwatch, each_binary, unique_namespace};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::{Answer, BUDGET, PATIENCE, SLACK, Subject};

const WAITERS: u64 = 200;

/// Servers that nobody else uses.
fn each_own(mut test: impl AsyncFnMut(&Server)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        Runtime::new().expect("a runtime").block_on(test(&server));
    });
}

/// A process that loads, and one that waits for it. Two caches know as little of each other as two processes do.
struct Two {
    leads: Subject,
    waits: Subject,
    gate: Arc<Semaphore>,
}

impl Two {
    async fn new(server: &Server, url_of_who_waits: &str, budget: Duration) -> Self {
        let namespace = unique_namespace("waiting");
        let cache = Cache::builder().url(url_of_who_waits).namespace(&namespace).budget(budget);
        let waits = Subject::with(cache.build().expect("a URL")).connected().await;
        let leads = Subject::named(server.url(), &namespace).connected().await;
        // The first of a function also asks for its generation.
        waits.ask(0, 0).await.expect("a value");
        leads.ask(0, 0).await.expect("a value");
        Self { leads, waits, gate: Arc::new(Semaphore::new(0)) }
    }

    async fn resp2(server: &Server) -> Self {
        Self::new(server, &format!("{}/?protocol=resp2", server.url()), PATIENCE).await
    }

    async fn resp3(server: &Server) -> Self {
        Self::new(server, server.url(), PATIENCE).await
    }

    /// Begins the load of an entry, which ends when it is let.
    async fn lead(&self, id: u64) -> JoinHandle<Answer> {
        let (leads, gate, before) =
            (self.leads.clone(), Arc::clone(&self.gate), self.leads.loads());
        let body = async move {
            gate.acquire().await.expect("open").forget();
            Ok(id)
        };
        let leader = tokio::spawn(async move { leads.load(id, body).await });
        self.leads.loading(before).await;
        leader
    }

    /// Begins to wait for that load.
    async fn wait(&self, id: u64) -> JoinHandle<Answer> {
        let (waits, before) = (self.waits.clone(), self.waiting());
        let waiter = tokio::spawn(async move { waits.ask(id, 1000 + id).await });
        until_async("waiting", PATIENCE, async || self.waiting() > before).await;
        waiter
    }

    /// How many have begun to wait.
    fn waiting(&self) -> u64 {
        self.waits.cache.stats().functions.iter().map(|function| function.waits).sum()
    }
}

/// How many keys have been read, by whomever.
fn looks(server: &Server) -> u64 {
    let field = |name| server.info(name).and_then(|count| count.parse::<u64>().ok());
    field("keyspace_hits").expect("a count")
}

/// How many keys the server remembers to report changes of.
fn reported(server: &Server) -> u64 {
    server.info("tracking_total_keys").and_then(|count| count.parse().ok()).expect("a count")
}

/// How often waiters look in a second in which nothing happens.
async fn looks_in_a_second(server: &Server, two: &Two) -> u64 {
    let (mut leaders, mut waiters) = (Vec::new(), Vec::new());
    for id in 1..=WAITERS {
        leaders.push(two.lead(id).await);
        waiters.push(two.wait(id).await);
    }
    // All have looked once.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = looks(server);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let looks = looks(server) - before;
    assert!(reported(server) <= WAITERS + 10, "{}", reported(server));
    two.gate.add_permits(usize::try_from(WAITERS).expect("small"));
    for (id, waiter) in (1..).zip(waiters) {
        assert_eq!(waiter.await.expect("no panic"), Ok(id));
    }
    for leader in leaders {
        leader.await.expect("no panic").expect("a value");
    }
    assert_eq!(two.waits.loads(), 1, "that of the beginning");
    assert!(reported(server) <= 10, "{} are reported although nobody waits", reported(server));
    looks
}

#[test]
fn who_waits_looks_seldom_where_the_server_reports_what_changes() {
    each_own(async |server| {
        let reported = looks_in_a_second(server, &Two::resp3(server).await).await;
        let polled = looks_in_a_second(server, &Two::resp2(server).await).await;
        eprintln!("{WAITERS} waiters look {reported} times a second, {polled} on RESP2");
        // Half a second apart, give or take a quarter.
        assert!(reported <= 4 * WAITERS, "{reported}");
        assert!(polled >= 8 * WAITERS, "{polled}: is this still polling?");
    });
}

/// A figure to be read: what it is depends on the machine.
#[test]
fn the_end_of_a_load_wakes_who_waits() {
    const ROUNDS: u64 = 20;
    each_own(async |server| {
        for (protocol, two) in
            [("reported", Two::resp3(server).await), ("polled", Two::resp2(server).await)]
        {
            let mut late = Vec::new();
            for id in 1..=ROUNDS {
                let (leader, waiter) = (two.lead(id).await, two.wait(id).await);
                // As long as loads take that are worth waiting for.
                tokio::time::sleep(Duration::from_millis(150 + id)).await;
                let began = Instant::now();
                two.gate.add_permits(1);
                assert_eq!(waiter.await.expect("no panic"), Ok(id));
                late.push(began.elapsed());
                leader.await.expect("no panic").expect("a value");
            }
            late.sort();
            let (median, longest) = (late[late.len() / 2], late[late.len() - 1]);
            eprintln!(
                "{protocol}: from the end of a load to the answer {median:?}, {longest:?} at most"
            );
            assert_eq!(two.waits.loads(), 1);
        }
    });
}

#[test]
fn whoever_writes_the_entry_again_and_again_does_not_make_others_spin() {
    each_own(async |server| {
        let two = Two::resp3(server).await;
        let (leader, waiter) = (two.lead(1).await, two.wait(1).await);
        let key = two.waits.key(1);
        // From now on, polling pauses for 25 ms, give or take a quarter.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = looks(server);
        let began = Instant::now();
        let mut writes = 0;
        while began.elapsed() < Duration::from_secs(1) {
            assert_eq!(server.command(&["PEXPIRE", &key, "10000"]), "1");
            writes += 1;
            tokio::task::yield_now().await;
        }
        let (looks, took) = (looks(server) - before, began.elapsed());
        eprintln!("{looks} looks at {writes} writes in {took:?}");
        // Two for each pause: one that a report has led to, and one that asks for the next report.
        let pauses = u64::try_from(took.as_millis() / 18).expect("short");
        assert!(looks <= 2 * pauses + 5 && writes > 4 * looks, "{looks} looks at {writes} writes");
        two.gate.add_permits(1);
        assert_eq!(waiter.await.expect("no panic"), Ok(1));
        leader.await.expect("no panic").expect("a value");
    });
}

#[test]
fn a_connection_that_is_lost_meanwhile_costs_nobody_the_answer() {
    each_own(async |server| {
        let proxy = Proxy::start(server.port());
        let two = Two::new(server, &proxy.url(), PATIENCE).await;
        let mut waiters = JoinSet::new();
        let leader = two.lead(1).await;
        for _ in 0..10 {
            let waits = two.waits.clone();
            waiters.spawn(async move { waits.ask(1, 1001).await });
        }
        until_async("waiting", PATIENCE, async || two.waiting() > 0).await;
        proxy.cut();
        // Over the next connection, perhaps before it is tracked.
        two.waits.cache.health().await;
        two.gate.add_permits(1);
        assert!(waiters.join_all().await.iter().all(|answer| *answer == Ok(1)));
        assert_eq!(two.waits.loads(), 1, "that of the beginning");
        leader.await.expect("no panic").expect("a value");
    });
}

#[test]
fn a_report_that_never_arrives_is_not_waited_for() {
    each_own(async |server| {
        let proxy = Proxy::start(server.port());
        let two = Two::new(server, &proxy.url(), BUDGET).await;
        let (leader, waiter) = (two.lead(1).await, two.wait(1).await);
        proxy.set(Mode::DropReplies);
        let stopwatch = Stopwatch::start();
        two.gate.add_permits(1);
        leader.await.expect("no panic").expect("a value");
        // It loads for itself: that the server is silent is found out by asking it.
        assert_eq!(waiter.await.expect("no panic"), Ok(1001));
        let most = Duration::from_millis(625) + BUDGET + SLACK;
        assert!(stopwatch.elapsed() < most, "{:?}", stopwatch.elapsed());
    });
}
