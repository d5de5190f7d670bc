//! Writes on real servers: guards, write-through, outboxes, and the rights that all of it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cached_redis::{Cache, ErrorKind, Invalidations};
use cached_redis_test_support::{
    Server, Stopwatch, each_binary, each_server_async, poll, unique_namespace,
};
use tokio::sync::oneshot;

use crate::shop::{Shop, Wire, body, gives, product};
use crate::support::{Failure, PATIENCE};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// Two nodes of one application, which talk to the server in different ways.
async fn two_nodes(server: &Server) -> [Shop; 2] {
    let namespace = unique_namespace("writes");
    let node = |wire: Wire| Shop::at(&wire.url(server), &namespace).connected();
    [node(Wire::Tracked).await, node(Wire::Resp2).await]
}

/// A gate that opens when it is told to.
fn gate() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send + 'static) {
    let (open, opened) = oneshot::channel::<()>();
    (open, async move { drop(opened.await) })
}

/// Whether a load can be stored on either node.
async fn is_storable(nodes: &[Shop], id: u64) -> bool {
    let mut storable = Vec::new();
    for shop in nodes {
        shop.plain(id, gives(1)).await.expect("a value");
        storable.push(shop.plain_entry(id).get().await.expect("a server").is_some());
        shop.plain_entry(id).invalidate().await.expect("a server");
    }
    assert_eq!(storable, vec![storable[0]; nodes.len()]);
    storable[0]
}

/// A guarded write under way: from a body that has begun to the end that it is told.
struct Guarded {
    end: oneshot::Sender<()>,
    write: tokio::task::JoinHandle<()>,
}

impl Guarded {
    async fn begin(shop: &Shop, id: u64) -> Self {
        let (end, ended) = gate();
        let (begin, begun) = gate();
        let shop = shop.clone();
        let write = tokio::spawn(async move {
            let body = body(async move {
                let _ = begin.send(());
                ended.await;
            });
            shop.write_guarded(id, body).await;
        });
        begun.await;
        Self { end, write }
    }

    async fn end(self) {
        let _ = self.end.send(());
        self.write.await.expect("no panic");
    }
}

#[tokio::test]
async fn behind_a_guard_nothing_is_stored() {
    each_server_async(async |server| {
        let nodes = two_nodes(server).await;
        assert!(is_storable(&nodes, 1).await);
        let guarded = Guarded::begin(&nodes[0], 1).await;
        assert!(!is_storable(&nodes, 1).await);
        assert!(is_storable(&nodes, 2).await, "of another entry");
        nodes[1].plain_entry(1).invalidate().await.expect("a server");
        assert!(!is_storable(&nodes, 1).await, "an invalidation of somebody else's lifts nothing");
        guarded.end().await;
        assert!(is_storable(&nodes, 1).await);
    })
    .await;
}

#[tokio::test]
async fn the_last_of_several_guards_lifts_the_fence() {
    each_server_async(async |server| {
        let nodes = two_nodes(server).await;
        for first_ends_first in [true, false] {
            let first = Guarded::begin(&nodes[0], 1).await;
            let second = Guarded::begin(&nodes[1], 1).await;
            let (one, other) = if first_ends_first { (first, second) } else { (second, first) };
            one.end().await;
            assert!(!is_storable(&nodes, 1).await);
            other.end().await;
            assert!(is_storable(&nodes, 1).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_guard_inside_a_guard() {
    each_server_async(async |server| {
        let nodes = two_nodes(server).await;
        let (inside, outside) = (nodes[1].clone(), nodes.clone());
        nodes[0]
            .write_guarded(
                1,
                body(async move {
                    inside.write_guarded(1, body(async {})).await;
                    assert!(!is_storable(&outside, 1).await);
                }),
            )
            .await;
        assert!(is_storable(&nodes, 1).await);
    })
    .await;
}

#[tokio::test]
async fn a_guard_around_groups() {
    each_server_async(async |server| {
        let nodes = two_nodes(server).await;
        let reader = nodes[1].clone();
        let shelved = async |shelf: u64| {
            reader.shelved(shelf, 1, gives(1)).await.expect("a value");
            reader.shelved_entry(shelf, 1).get().await.expect("a server").is_some()
        };
        assert!(shelved(1).await);
        let (end, ended) = gate();
        let (begin, begun) = gate();
        let held = body(async move {
            let _ = begin.send(());
            ended.await;
        });
        let meanwhile = async {
            begun.await;
            assert!(!shelved(1).await);
            assert!(reader.plain(1, gives(1)).await.is_ok());
            assert!(reader.plain_entry(1).get().await.expect("a server").is_some());
            let _ = end.send(());
        };
        tokio::join!(nodes[0].write_shelf_guarded(1, held), meanwhile);
        assert!(shelved(1).await);

        let others = nodes.clone();
        let all = body(async move { assert!(!is_storable(&others, 1).await) });
        nodes[0].write_all_guarded(all).await;
        assert!(is_storable(&nodes, 1).await);
    })
    .await;
}

#[test]
fn a_write_outlives_its_guard_only_if_its_process_dies() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let mut nodes = two_nodes(&server).await;
            for shop in &mut nodes {
                shop.guard = Duration::from_secs(2);
            }
            let guarded = Guarded::begin(&nodes[0], 1).await;
            let began = Instant::now();
            while began.elapsed() < 2 * nodes[0].guard {
                assert!(!is_storable(&nodes, 1).await, "renewed: {:?}", began.elapsed());
            }
            // Cancelled, which is to say that nobody knows what has become of it.
            guarded.write.abort();
            poll::until_async("the fence has ended", PATIENCE, async || {
                is_storable(&nodes[..1], 1).await
            })
            .await;
        });
    });
}

/// Whether a full server takes a fence differs by version and by what is there (see docs/writes.md, measured with
/// this test). Either outcome is right: the fence stands, or the write is told that it does not.
#[test]
fn a_full_server_takes_a_fence_or_the_write_hears_that_it_does_not() {
    each_binary(|binary| {
        let server = Server::start(binary, &["--maxmemory-policy", "noeviction"]);
        let full = |is_full: bool| {
            server.command(&["CONFIG", "SET", "maxmemory", if is_full { "1" } else { "0" }]);
        };
        runtime().block_on(async {
            let nodes = two_nodes(&server).await;
            let writer = &nodes[0];
            nodes[1].plain(1, gives(1)).await.expect("a value");
            for (id, what) in [(1, "an entry that is there"), (2, "one that is not")] {
                let failed = writer.cache.stats().failed_fences;
                full(true);
                writer.plain(4, gives(1)).await.expect("a value");
                let stored = writer.plain_entry(4).get().await.expect("a server");
                assert_eq!(stored, None, "it is full");
                let guarded = Guarded::begin(writer, id).await;
                full(false);
                let is_planted = writer.cache.stats().failed_fences == failed;
                eprintln!("  fence on {what}: {is_planted}");
                assert_eq!(nodes[1].plain_entry(id).get().await.expect("a server"), None);
                assert_eq!(is_storable(&nodes, id).await, !is_planted);
                assert!(is_storable(&nodes, 3).await, "of another entry");
                full(true);
                guarded.end().await;
                full(false);
                assert!(is_storable(&nodes, id).await, "lifted");

                full(true);
                let ran = Arc::new(AtomicBool::new(false));
                let runs = Arc::clone(&ran);
                let write = body(async move { runs.store(true, Ordering::SeqCst) });
                let result = writer.write_strictly(id, write).await;
                full(false);
                eprintln!("  a strict write: {result:?}");
                assert_eq!(result.is_ok(), ran.load(Ordering::SeqCst), "refused, or run");
                assert!(is_storable(&nodes, id).await, "nothing is left behind");
            }
        });
    });
}

#[test]
fn a_fence_that_cannot_be_planted_leaves_a_delete() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        server.command(&["ACL", "SETUSER", "half", "on", ">pw", "~*", "&*", "+@all", "-set"]);
        runtime().block_on(async {
            let shop = Shop::on(&server).connected().await;
            let key = shop.plain_entry(1).key().expect("a key");
            let namespace = key.split(':').next().expect("a namespace");
            let url = server.url().replace("redis://", "redis://half:pw@");
            let half = Shop::at(&url, namespace).connected().await;

            shop.plain(1, gives(1)).await.expect("a value");
            let reader = shop.clone();
            let write = body(async move {
                assert_eq!(reader.plain_entry(1).get().await.expect("a server"), None);
            });
            half.write_guarded(1, write).await;
            assert_eq!(half.cache.stats().failed_fences, 1);

            let error = half.write_strictly(1, body(async { panic!("it must not run") })).await;
            assert_eq!(error.expect_err("no fence").kind(), ErrorKind::Server);
            assert_eq!(half.cache.stats().failed_fences, 2);
        });
    });
}

#[test]
fn a_guarded_write_goes_on_while_the_server_is_away() {
    // Long, to tell one from two on a busy machine.
    const LONG_BUDGET: Duration = Duration::from_secs(1);
    let slack = LONG_BUDGET / 2;
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let shop = async || {
                let builder = Cache::builder().url(server.url()).budget(LONG_BUDGET);
                Shop::with(builder.build().expect("a URL")).connected().await
            };
            let write = async |shop: &Shop| {
                let (ran, has_run) = oneshot::channel();
                let stopwatch = Stopwatch::start();
                let body =
                    body(async move { ran.send(stopwatch.elapsed()).expect("somebody asks") });
                shop.write_guarded(1, body).await;
                let body_began = has_run.await.expect("it has run");
                let ended = stopwatch.elapsed();
                assert!(body_began < LONG_BUDGET + slack, "once before the write: {body_began:?}");
                assert!(ended < 2 * LONG_BUDGET + slack, "and once after it: {ended:?}");
                assert_eq!(shop.cache.stats().failed_fences, 1);
                assert!(shop.cache.stats().pending_invalidations > 0, "made up for later");
            };
            let hung = shop().await;
            server.stop();
            write(&hung).await;
            server.cont();
            let gone = shop().await;
            server.kill();
            write(&gone).await;
        });
    });
}

/// What a step of a race does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Begin,
    Write,
    Store,
}

/// All orders in which two writers can take their three steps.
fn interleavings() -> Vec<Vec<(usize, Step)>> {
    let steps = [Step::Begin, Step::Write, Step::Store];
    let mut all = Vec::new();
    // Who takes which of the six turns: three bits are set.
    for turns in (0_u32..64).filter(|turns| turns.count_ones() == 3) {
        let mut next = [0, 0];
        let order = (0..6).map(|turn| {
            let writer = (turns >> turn & 1) as usize;
            next[writer] += 1;
            (writer, steps[next[writer] - 1])
        });
        all.push(order.collect());
    }
    all
}

#[tokio::test]
async fn of_two_racing_updates_the_older_value_never_stays() {
    assert_eq!(interleavings().len(), 20);
    each_server_async(async |server| {
        let nodes = two_nodes(server).await;
        for (id, order) in (0..).zip(interleavings()) {
            nodes[0].plain(id, gives(0)).await.expect("a value");
            let mut source = 0;
            let mut writers: [Option<Writer>; 2] = [None, None];
            for (writer, step) in &order {
                let place = &mut writers[*writer];
                match step {
                    Step::Begin => *place = Some(Writer::begin(&nodes[*writer], id).await),
                    Step::Write => {
                        source += 1;
                        place.as_mut().expect("begun").version = source;
                    }
                    Step::Store => place.take().expect("begun").store().await,
                }
            }
            for shop in &nodes {
                let found = shop.plain_entry(id).get().await.expect("a server");
                let is_newest = found.as_ref().is_none_or(|found| *found == product(2));
                assert!(is_newest, "{order:?}: {found:?}");
            }
            // One after the other, there is nothing to lose.
            if order[..3].iter().all(|(writer, _)| *writer == order[0].0) {
                let found = nodes[0].plain_entry(id).get().await.expect("a server");
                assert_eq!(found, Some(product(2)), "{order:?}");
            }
        }
    })
    .await;
}

/// An update under way, whose body waits for what the source says.
struct Writer {
    version: u64,
    give: oneshot::Sender<u64>,
    update: tokio::task::JoinHandle<()>,
}

impl Writer {
    async fn begin(shop: &Shop, id: u64) -> Self {
        let (give, given) = oneshot::channel();
        let (begin, begun) = gate();
        let shop = shop.clone();
        let update = tokio::spawn(async move {
            let body = body(async move {
                let _ = begin.send(());
                product(given.await.expect("it will be told"))
            });
            shop.update(id, body).await.expect("written");
        });
        begun.await;
        Self { version: 0, give, update }
    }

    async fn store(self) {
        self.give.send(self.version).expect("it waits");
        self.update.await.expect("no panic");
    }
}

#[tokio::test]
async fn an_update_stores_only_if_nothing_came_between() {
    each_server_async(async |server| {
        let nodes = two_nodes(server).await;
        let [shop, other] = &nodes;
        let stored = async |id| other.plain_entry(id).get().await.expect("a server");
        for id in 0..10 {
            shop.plain(id, gives(1)).await.expect("a value");
            let mut writer = Writer::begin(shop, id).await;
            assert_eq!(stored(id).await, Some(product(1)), "readable until it is replaced");
            writer.version = 2;
            match id {
                0 => {}
                1 => other.plain_entry(id).invalidate().await.expect("a server"),
                2 => other.plain_invalidate_all().await.expect("a server"),
                3 => other.write(id, body(async {})).await,
                4 => other.write_guarded(id, body(async {})).await,
                _ => drop(Guarded::begin(other, id).await),
            }
            writer.store().await;
            let expected = (id == 0).then(|| product(2));
            assert_eq!(stored(id).await, expected, "case {id}");
        }
        // A write that has failed leaves what is there.
        shop.plain(100, gives(1)).await.expect("a value");
        assert_eq!(shop.update(100, body(async { Err(Failure) })).await, Err(Failure));
        assert_eq!(stored(100).await, Some(product(1)));
        let again = other.update(100, gives(5)).await;
        assert_eq!((again, stored(100).await), (product(5), Some(product(5))));
    })
    .await;
}

#[tokio::test]
async fn an_outbox_is_replayed() {
    each_server_async(async |server| {
        let [shop, other] = two_nodes(server).await;
        let fill = async || {
            shop.plain(1, gives(1)).await.expect("a value");
            shop.shelved(1, 1, gives(1)).await.expect("a value");
            shop.branded(1, gives(1)).await.expect("a value");
            shop.aging(1, gives(1)).await.expect("a value");
        };
        let stored = async || {
            [
                shop.plain_entry(1).get().await.expect("a server").is_some(),
                shop.shelved_entry(1, 1).get().await.expect("a server").is_some(),
                shop.branded_entry(1).get().await.expect("a server").is_some(),
                shop.aging_entry(1).get().await.expect("a server").is_some(),
            ]
        };
        fill().await;
        let mut outdated = Invalidations::new();
        outdated.entry(&shop.plain_entry(1)).expect("a key");
        outdated.tag(&shop.cache, "shelf:1");
        outdated.tag(&shop.cache, "brand:1");
        outdated.all(shop.aging_invalidate_all());
        let row = serde_json::to_string(&outdated).expect("text");
        assert_eq!(stored().await, [true; 4], "nothing has been removed yet");

        let outdated: Invalidations = serde_json::from_str(&row).expect("what was written");
        let elsewhere = Cache::builder().url(server.url()).namespace("elsewhere").build();
        let error = elsewhere.expect("a URL").replay(&outdated).await.expect_err("not its own");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(stored().await, [true; 4], "nor has anything by another cache");

        for _ in 0..2 {
            other.cache.replay(&outdated).await.expect("a server");
            assert_eq!(stored().await, [false; 4]);
            fill().await;
            assert_eq!(stored().await, [true; 4], "once is enough, twice does no harm");
        }
    })
    .await;
}

/// The rule in `docs/operating.md`, for a user of a namespace.
fn documented_rights(user: &str) -> Vec<String> {
    let page = include_str!("../../docs/operating.md");
    let (_, rule) = page.split_once("ACL SETUSER shop on >password").expect("a rule");
    let (rule, _) = rule.split_once("```").expect("its end");
    let words = rule.split_whitespace().map(|word| word.replace("shop", user));
    ["ACL", "SETUSER", user, "on", ">password"]
        .map(str::to_owned)
        .into_iter()
        .chain(words)
        .collect()
}

#[test]
fn the_documented_rights_suffice_for_everything() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        for wire in [Wire::Tracked, Wire::Resp2] {
            let user = unique_namespace("least");
            let rights = documented_rights(&user);
            assert_eq!(server.command(&rights).trim(), "OK", "{rights:?}");
            let host = format!("redis://{user}:password@");
            let url = wire.url(&server).replace("redis://", &host);
            runtime().block_on(everything(&server, &url, &user, wire));
        }
    });
}

/// Every operation that the cache has, which none of them may fail.
async fn everything(server: &Server, url: &str, namespace: &str, wire: Wire) {
    let shop = Shop::at(url, namespace).connected().await;
    let short = Shop { ttl: Duration::from_millis(50), ..shop.clone() };
    let calls = async |version| {
        shop.plain(1, gives(version)).await.expect("a value");
        shop.shelved(1, 1, gives(version)).await.expect("a value");
        shop.branded(1, gives(version)).await.expect("a value");
        shop.aging(1, gives(version)).await.expect("a value");
        shop.sliding(1, gives(version)).await.expect("a value");
    };
    calls(1).await;
    calls(1).await;
    assert_eq!(shop.loads(), 5);
    server.reset_commandstats();
    shop.plain(1, gives(2)).await.expect("a value");
    let gets = if wire == Wire::Tracked { 1 } else { 2 };
    assert_eq!(server.commandstats().get("get"), Some(&gets), "it is told what changes");

    // Reloads, slides, failures, refreshes, absences of a value to store.
    short.aging(2, gives(1)).await.expect("a value");
    short.enduring(2, gives(1)).await.expect("a value");
    short.sliding(2, gives(1)).await.expect("a value");
    poll::until_async("reloaded and failed", PATIENCE, async || {
        let _ = short.sliding(2, gives(1)).await;
        short.aging(2, gives(2)).await.expect("a value");
        short.enduring(2, crate::shop::fails()).await.expect("a value");
        shop.stats("aging").reloads > 0 && shop.stats("enduring").fallbacks > 0
    })
    .await;
    cached_redis::refresh(shop.plain(1, gives(3))).await.expect("a value");
    assert_eq!(shop.plain(1, crate::shop::fails()).await, product(3));
    let unchanged = body(async {
        Ok(cached_redis::previous::<crate::shop::Product>().expect("the stored value").keep())
    });
    assert!(shop.aging_entry(1).expire().await.expect("allowed"));
    shop.aging(1, unchanged).await.expect("a value");
    poll::until_async("kept", PATIENCE, async || shop.stats("aging").not_modified > 0).await;

    // Entries.
    let entry = shop.plain_entry(3);
    entry.put(product(4)).await.expect("allowed");
    assert!(entry.ttl().await.expect("allowed").is_some());
    assert!(entry.expire().await.expect("allowed"));
    entry.invalidate().await.expect("allowed");

    // Writes, one long enough to be renewed.
    shop.write_strictly(1, body(async {})).await.expect("allowed");
    let guarded = Shop { guard: Duration::from_millis(60), ..shop.clone() };
    let long = body(tokio::time::sleep(Duration::from_millis(200)));
    guarded.write_strictly(1, long).await.expect("allowed");
    shop.write_shelf_guarded(1, body(async {})).await;
    shop.write_all_guarded(body(async {})).await;
    shop.update(1, gives(5)).await.expect("written");
    assert_eq!(shop.plain(1, crate::shop::fails()).await, product(5));
    assert!(shop.update(1, crate::shop::fails()).await.is_err());
    shop.cache.invalidate_tag("brand:1").await.expect("allowed");
    shop.plain_invalidate_all().await.expect("allowed");
    server.command(&["SCRIPT", "FLUSH"]);
    calls(6).await;

    shop.cache.shutdown().await;
    let stats = shop.cache.stats();
    assert_eq!((stats.failed_fences, stats.pending_invalidations), (0, 0));
    for function in stats.functions {
        assert!(function.errors.is_empty(), "{function:?}");
    }
}
