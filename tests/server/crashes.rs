//! Processes that are killed in the middle of a write: behind a guard they leave no value from before it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cached_redis::{Cache, Invalidations};
use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{
    Mode, Proxy, Server, Stopwatch, each_binary, each_server, poll, unique_namespace,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::shop::{Answer, Shop, Wire, body, product};
use crate::support::PATIENCE;

const GUARD: Duration = Duration::from_millis(1500);

const BEFORE: u64 = 1;
const AFTER: u64 = 2;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// The source of values: a file, which a commit replaces in one step.
#[derive(Clone, Debug)]
struct Source(PathBuf);

impl Source {
    fn new() -> Self {
        let source = Self(std::env::temp_dir().join(unique_namespace("crash")));
        source.commit(BEFORE);
        source
    }

    fn at(path: &str) -> Self {
        Self(Path::new(path).to_owned())
    }

    fn commit(&self, version: u64) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, version.to_string()).expect("a file");
        std::fs::rename(next, &self.0).expect("another file");
    }

    fn read(&self) -> u64 {
        let text = std::fs::read_to_string(&self.0).expect("a file");
        text.parse().expect("a version")
    }

    fn remove(self) {
        std::fs::remove_file(self.0).expect("a file");
    }
}

/// Where a writer is killed.
const STEPS: [&str; 4] = ["begun", "before the commit", "after the commit", "at the end"];

fn commits(step: &str) -> bool {
    matches!(step, "after the commit" | "at the end")
}

/// In the process that is killed: says where it is, and stays there.
async fn die_here() {
    process::say("here");
    std::future::pending::<()>().await;
}

/// A write that is killed at a step.
async fn write(source: Source, step: &str) {
    if step == "begun" {
        die_here().await;
    }
    // Long enough for the guard to be renewed.
    tokio::time::sleep(GUARD / 2).await;
    if step == "before the commit" {
        die_here().await;
    }
    source.commit(AFTER);
    if step == "after the commit" {
        die_here().await;
    }
    tokio::time::sleep(GUARD / 2).await;
    if step == "at the end" {
        die_here().await;
    }
}

/// The child's side: a write that ends where it is told.
fn writer(arguments: &[String]) {
    let [url, namespace, path, step, guarded] = arguments else { panic!("{arguments:?}") };
    runtime().block_on(async {
        // Patient enough to be killed before it gives up on an answer.
        let builder = Cache::builder().url(url).namespace(namespace);
        let cache = builder.budget(Duration::from_secs(30)).build().expect("a URL");
        let shop = Shop { guard: GUARD, ..Shop::with(cache).connected().await };
        process::say("ready");
        process::hear();
        process::end_with_parent();
        let (source, step) = (Source::at(path), step.clone());
        let body = body(async move { write(source, &step).await });
        match guarded.as_str() {
            "guarded" => shop.write_guarded(1, body).await,
            _ => shop.write(1, body).await,
        }
        process::say("done");
    });
}

/// What a test watches, from this process: nodes that read, and their source.
struct Readers {
    nodes: [Shop; 2],
    source: Source,
    slow: Vec<(oneshot::Sender<()>, JoinHandle<Answer>)>,
}

impl Readers {
    async fn new(server: &Server, namespace: &str) -> Self {
        let node = |wire: Wire| Shop::at(&wire.url(server), namespace).connected();
        let nodes = [node(Wire::Tracked).await, node(Wire::Resp2).await];
        Self { nodes, source: Source::new(), slow: Vec::new() }
    }

    /// A read whose load, if it comes to one, takes no time.
    async fn read(&self, node: &Shop) -> u64 {
        let source = self.source.clone();
        let load = body(async move { product(source.read()) });
        node.plain(1, load).await.expect("a value").version
    }

    async fn read_all(&self) -> [u64; 2] {
        [self.read(&self.nodes[0]).await, self.read(&self.nodes[1]).await]
    }

    /// Begins a read on each node whose load has read the source on return, and which ends when it is
    /// [told](Self::end_loads) to. Where there is a value already, there is no load.
    async fn begin_loads(&mut self) {
        for node in self.nodes.clone() {
            let (end, ended) = oneshot::channel();
            let (begin, begun) = oneshot::channel();
            let source = self.source.clone();
            let load = body(async move {
                let version = source.read();
                let _ = begin.send(());
                let _ = ended.await;
                product(version)
            });
            // The other node may be loading already, and this one waits for it: not longer than for that.
            let read = tokio::spawn(async move { node.plain(1, load).await });
            let _ = tokio::time::timeout(Duration::from_millis(100), begun).await;
            self.slow.push((end, read));
        }
    }

    async fn end_loads(&mut self) {
        let (ends, reads): (Vec<_>, Vec<_>) = std::mem::take(&mut self.slow).into_iter().unzip();
        for end in ends {
            let _ = end.send(());
        }
        for read in reads {
            read.await.expect("no panic").expect("a value");
        }
    }

    /// Waits until nothing fences the entry any more.
    async fn until_the_guard_has_ended(&mut self, server: &Server) {
        let entry = self.nodes[0].plain_entry(1).key().expect("a key");
        let fence = format!("{entry}:fence");
        let is_gone = async || server.command(&["EXISTS", &fence]) == "0";
        poll::until_async("the guard has ended", PATIENCE, is_gone).await;
        if server.command(&["GETRANGE", &entry, "3", "3"]) == "L" {
            // A load that began without a fence, which the next reads would wait for.
            self.end_loads().await;
        }
    }

    /// Nothing from before this version is readable, and what is loaded now can be stored.
    async fn expect(&self, version: u64, why: &str) {
        assert_eq!(self.read_all().await, [version; 2], "{why}");
        assert_eq!(self.read_all().await, [version; 2], "{why}");
        let stored = self.nodes[0].plain_entry(1).get().await.expect("a server");
        assert_eq!(stored, Some(product(version)), "{why}");
    }
}

#[test]
fn behind_a_guard_a_crash_at_any_step_leaves_no_value_from_before_the_commit() {
    const TEST: &str =
        "crashes::behind_a_guard_a_crash_at_any_step_leaves_no_value_from_before_the_commit";
    if let Some(arguments) = process::role("writer") {
        return writer(&arguments);
    }
    each_server(|server| {
        runtime().block_on(async {
            for step in STEPS {
                let namespace = unique_namespace("crash");
                let mut readers = Readers::new(server, &namespace).await;
                assert_eq!(readers.read_all().await, [BEFORE; 2]);
                let path = readers.source.0.to_str().expect("a path").to_owned();
                let arguments = [server.url(), &namespace, &path, step, "guarded"];
                let mut child = Child::spawn_self("writer", TEST, &arguments);
                assert_eq!(child.line(), "ready");
                // Loads from before the guard, behind it, and after the crash; all end after the guard.
                readers.nodes[0].plain_entry(1).invalidate().await.expect("a server");
                readers.begin_loads().await;
                child.send("go");
                assert_eq!(child.line(), "here");
                readers.begin_loads().await;
                let fenced = readers.nodes[0].plain_entry(1).get().await.expect("a server");
                assert_eq!(fenced, None, "{step}");
                child.kill();
                let killed = Stopwatch::start();
                readers.begin_loads().await;
                readers.until_the_guard_has_ended(server).await;
                assert!(killed.elapsed() < 2 * GUARD, "{:?}", killed.elapsed());
                let committed = if commits(step) { AFTER } else { BEFORE };
                readers.expect(committed, step).await;
                readers.end_loads().await;
                readers.expect(committed, step).await;
                readers.source.remove();
            }
        });
    });
}

#[test]
fn without_a_guard_a_crash_after_the_commit_leaves_the_old_value() {
    const TEST: &str = "crashes::without_a_guard_a_crash_after_the_commit_leaves_the_old_value";
    if let Some(arguments) = process::role("writer") {
        return writer(&arguments);
    }
    each_server(|server| {
        runtime().block_on(async {
            let namespace = unique_namespace("crash");
            let readers = Readers::new(server, &namespace).await;
            assert_eq!(readers.read_all().await, [BEFORE; 2]);
            let path = readers.source.0.to_str().expect("a path").to_owned();
            let arguments = [server.url(), &namespace, &path, "after the commit", "bare"];
            let mut child = Child::spawn_self("writer", TEST, &arguments);
            assert_eq!(child.line(), "ready");
            child.send("go");
            assert_eq!(child.line(), "here");
            child.kill();
            assert_eq!(readers.source.read(), AFTER);
            assert_eq!(readers.read_all().await, [BEFORE; 2], "until its TTL ends");
            readers.source.remove();
        });
    });
}

/// The steps that no body sees: the command is on its way, and the answer is not.
#[test]
fn a_crash_while_a_fence_is_planted_or_lifted() {
    const TEST: &str = "crashes::a_crash_while_a_fence_is_planted_or_lifted";
    if let Some(arguments) = process::role("writer") {
        return writer(&arguments);
    }
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let proxy = Proxy::start(server.port());
        runtime().block_on(async {
            let cases = [
                // The command never arrives: there is no fence, and no commit.
                ("planted", Mode::BlackHole),
                // It does, and the writer does not hear of it.
                ("planted", Mode::DropReplies),
                // The write is committed, and its end never reaches the server.
                ("lifted", Mode::BlackHole),
                // It does, and the writer does not hear of it.
                ("lifted", Mode::DropReplies),
            ];
            for (step, mode) in cases {
                let why = format!("{step}, {mode:?}");
                let namespace = unique_namespace("crash");
                let mut readers = Readers::new(&server, &namespace).await;
                assert_eq!(readers.read_all().await, [BEFORE; 2]);
                let fence = format!("{}:fence", readers.nodes[0].plain_entry(1).key().expect("ok"));
                let is_fenced = || server.command(&["EXISTS", &fence]) == "1";
                let path = readers.source.0.to_str().expect("a path").to_owned();
                let arguments = [&proxy.url(), &namespace, &path, "nowhere", "guarded"];
                let mut child = Child::spawn_self("writer", TEST, &arguments);
                assert_eq!(child.line(), "ready");
                readers.nodes[0].plain_entry(1).invalidate().await.expect("a server");
                readers.begin_loads().await;
                let lost = proxy.lost();
                if step == "planted" {
                    proxy.set(mode);
                    child.send("go");
                } else {
                    child.send("go");
                    let committed = || readers.source.read() == AFTER;
                    poll::until("committed", PATIENCE, committed);
                    assert!(is_fenced());
                    proxy.set(mode);
                }
                match (step, mode) {
                    (_, Mode::BlackHole) => {
                        poll::until("a command is lost", PATIENCE, || proxy.lost() > lost);
                    }
                    ("planted", _) => poll::until("a fence stands", PATIENCE, is_fenced),
                    _ => poll::until("lifted", PATIENCE, || !is_fenced()),
                }
                readers.begin_loads().await;
                child.kill();
                proxy.set(Mode::Pass);
                readers.begin_loads().await;
                readers.until_the_guard_has_ended(&server).await;
                let committed = readers.source.read();
                assert_eq!(committed, if step == "lifted" { AFTER } else { BEFORE }, "{why}");
                readers.expect(committed, &why).await;
                readers.end_loads().await;
                readers.expect(committed, &why).await;
                readers.source.remove();
            }
        });
    });
}

#[test]
fn an_outbox_survives_its_process() {
    const TEST: &str = "crashes::an_outbox_survives_its_process";
    if let Some(arguments) = process::role("writer") {
        let [url, namespace, path] = &arguments[..] else { panic!("{arguments:?}") };
        process::end_with_parent();
        runtime().block_on(async {
            let shop = Shop::at(url, namespace).connected().await;
            let mut outdated = Invalidations::new();
            outdated.entry(&shop.plain_entry(1)).expect("a key");
            outdated.tag(&shop.cache, "shelf:1");
            // One transaction: the row and the commit.
            let row = serde_json::to_string(&outdated).expect("text");
            std::fs::write(format!("{path}.outbox"), row).expect("a file");
            Source::at(path).commit(AFTER);
            die_here().await;
        });
        return;
    }
    each_server(|server| {
        runtime().block_on(async {
            let namespace = unique_namespace("outbox");
            let readers = Readers::new(server, &namespace).await;
            assert_eq!(readers.read_all().await, [BEFORE; 2]);
            let path = readers.source.0.to_str().expect("a path").to_owned();
            let arguments = [server.url(), &namespace, &path];
            let mut child = Child::spawn_self("writer", TEST, &arguments);
            assert_eq!(child.line(), "here");
            child.kill();
            assert_eq!(readers.read_all().await, [BEFORE; 2], "nobody has sent it");
            // The process that comes after it.
            let outbox = format!("{path}.outbox");
            let row = std::fs::read_to_string(&outbox).expect("a row");
            let outdated: Invalidations = serde_json::from_str(&row).expect("what was written");
            let restarted = Shop::at(server.url(), &namespace);
            restarted.connected().await.cache.replay(&outdated).await.expect("a server");
            readers.expect(AFTER, "replayed").await;
            std::fs::remove_file(outbox).expect("a file");
            readers.source.remove();
        });
    });
}
