//! The cache is never the reason a function fails or hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cached_redis::{Cache, ErrorKind};
use cached_redis_test_support::{Binary, Mode, Proxy, Server, Stopwatch, each_binary, poll};
use tokio::task::JoinSet;

use crate::support::{BUDGET, LOAD, PATIENCE, SLACK, Subject, connection_of_the_users_own};

/// After the server has come back.
const HITS_ARE_BACK: Duration = Duration::from_secs(2);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// Runs a test against a server of its own.
fn each_own(arguments: &[&str], test: impl AsyncFn(&Server)) {
    each_binary(|binary| {
        let server = Server::start(binary, arguments);
        runtime().block_on(test(&server));
    });
}

/// Every call returns the body's value within budget and load, one after the other and together.
async fn answers_in_time(subject: &Subject, first_id: u64) {
    for id in first_id..first_id + 5 {
        answers_once(subject, id).await;
    }
    let mut callers = JoinSet::new();
    for id in first_id + 100..first_id + 200 {
        let subject = subject.clone();
        callers.spawn(async move { answers_once(&subject, id).await });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("in time");
    }
}

async fn answers_once(subject: &Subject, id: u64) {
    let stopwatch = Stopwatch::start();
    assert_eq!(subject.after(id, LOAD, id).await, Ok(id));
    let took = stopwatch.elapsed();
    assert!(took < BUDGET + LOAD + SLACK, "{took:?}");
}

/// Hits come back in time once the server has.
async fn recovers(subject: &Subject, id: u64) {
    let stopwatch = Stopwatch::start();
    poll::until_async("hits are back", PATIENCE, async || {
        subject.ask(id, 1).await.expect("a value");
        let loads = subject.loads();
        subject.ask(id, 1).await.expect("a value");
        subject.loads() == loads
    })
    .await;
    assert!(stopwatch.elapsed() < HITS_ARE_BACK, "{:?}", stopwatch.elapsed());
}

#[test]
fn not_running_at_start() {
    each_binary(|binary: &Binary| {
        runtime().block_on(async {
            let server = Server::start(binary, &[]);
            let subject = Subject::in_a_hurry(server.url());
            server.kill();
            answers_in_time(&subject, 0).await;
            server.restart();
            recovers(&subject, 1000).await;
        });
    });
}

#[test]
fn killed_under_load() {
    each_own(&[], async |server| {
        let subject = Subject::in_a_hurry(server.url()).connected().await;
        let mut callers = JoinSet::new();
        for task in 0..16 {
            let subject = subject.clone();
            callers.spawn(async move {
                for id in 0..40 {
                    let stopwatch = Stopwatch::start();
                    let id = task * 1000 + id % 10;
                    assert_eq!(subject.after(id, LOAD / 10, id).await, Ok(id));
                    let took = stopwatch.elapsed();
                    assert!(took < BUDGET + LOAD + SLACK, "{took:?}");
                }
            });
        }
        subject.loading(100).await;
        server.kill();
        while let Some(done) = callers.join_next().await {
            done.expect("in time");
        }
        server.restart();
        recovers(&subject, 9).await;
    });
}

/// A caller that never waits for anything else leaves room for the connector.
#[test]
fn a_busy_loop_does_not_keep_the_cache_away() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let only_thread = tokio::runtime::Builder::new_current_thread().enable_all().build();
        only_thread.expect("a runtime").block_on(async {
            let subject = Subject::in_a_hurry(server.url()).connected().await;
            server.kill();
            poll::until_async("down", PATIENCE, async || {
                subject.ask(1, 1).await.expect("a value");
                !subject.cache.health().await.is_up()
            })
            .await;
            server.restart();
            let (mut calls, before) = (0, subject.loads());
            let stopwatch = Stopwatch::start();
            while subject.loads() == before + calls {
                assert!(stopwatch.elapsed() < HITS_ARE_BACK, "{calls} loads");
                subject.ask(1, 1).await.expect("a value");
                calls += 1;
            }
        });
    });
}

/// A request that is sent in the instant in which the connection is lost fails with it. The client library's driver may
/// have looked at its queue for the last time by then.
#[test]
fn killed_while_requests_are_sent() {
    const KILLS: u32 = 300;
    each_own(&[], async |server| {
        let cache = Cache::builder().url(server.url()).budget(PATIENCE).build().expect("a URL");
        let subject = Subject::with(cache).connected().await;
        let (answers, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut callers = JoinSet::new();
        for id in 0..4 {
            let (subject, answers, over) = (subject.clone(), answers.clone(), over.clone());
            callers.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    match subject.invalidate(id).await {
                        Ok(()) => drop(answers.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => assert_ne!(error.kind(), ErrorKind::Timeout),
                    }
                }
            });
        }
        for _ in 0..KILLS {
            let before = answers.load(Ordering::Relaxed);
            let again = || answers.load(Ordering::Relaxed) > before + 10;
            poll::until("answered again", PATIENCE, again);
            server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        }
        over.store(true, Ordering::Relaxed);
        while let Some(done) = callers.join_next().await {
            done.expect("answered");
        }
    });
}

#[test]
fn frozen() {
    each_own(&[], async |server| {
        let subject = Subject::in_a_hurry(server.url()).connected().await;
        subject.ask(1, 1).await.expect("a value");
        server.stop();
        answers_in_time(&subject, 0).await;
        // By now the breaker is open: no call waits any more.
        let stopwatch = Stopwatch::start();
        for id in 0..100 {
            subject.ask(500 + id, 1).await.expect("a value");
        }
        assert!(stopwatch.elapsed() < BUDGET, "{:?}", stopwatch.elapsed());
        server.cont();
        recovers(&subject, 1000).await;
    });
}

/// What a proxy between client and server can do.
fn through_a_proxy(mode: impl Fn() -> Mode) {
    each_own(&[], async |server| {
        let proxy = Proxy::start(server.port());
        let subject = Subject::in_a_hurry(&proxy.url()).connected().await;
        subject.ask(1, 1).await.expect("a value");
        proxy.set(mode());
        answers_in_time(&subject, 0).await;
        proxy.set(Mode::Pass);
        recovers(&subject, 1000).await;
    });
}

#[test]
fn a_network_that_swallows_bytes() {
    through_a_proxy(|| Mode::BlackHole);
}

#[test]
fn a_network_that_refuses() {
    through_a_proxy(|| Mode::Refuse);
}

#[test]
fn a_network_that_swallows_replies() {
    through_a_proxy(|| Mode::DropReplies);
}

#[test]
fn a_network_that_is_slow() {
    through_a_proxy(|| Mode::Delay(Duration::from_secs(1)));
}

#[test]
fn a_server_that_answers_rubbish() {
    through_a_proxy(|| Mode::Garbage);
}

#[test]
fn connections_that_are_cut_again_and_again() {
    each_own(&[], async |server| {
        let proxy = Proxy::start(server.port());
        let subject = Subject::in_a_hurry(&proxy.url()).connected().await;
        for id in 0..20 {
            proxy.cut();
            answers_once(&subject, id).await;
        }
        recovers(&subject, 1000).await;
    });
}

#[test]
fn full_and_not_allowed_to_evict() {
    each_own(&["--maxmemory-policy", "noeviction"], async |server| {
        let subject = Subject::on(server).connected().await;
        let in_a_hurry = Subject::in_a_hurry(server.url()).connected().await;
        subject.ask(1, 1).await.expect("a value");
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        assert_eq!(subject.ask(1, 2).await, Ok(1), "what is there can still be read");
        answers_in_time(&in_a_hurry, 10).await;
        subject.invalidate(1).await.expect("a full server can still delete");
        assert_eq!(subject.ask(1, 3).await, Ok(3));
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        recovers(&in_a_hurry, 1000).await;
    });
}

#[test]
fn a_read_only_replica() {
    each_own(&[], async |server| {
        let subject = Subject::on(server).connected().await;
        let in_a_hurry = Subject::in_a_hurry(server.url()).connected().await;
        subject.ask(1, 1).await.expect("a value");
        server.command(&["REPLICAOF", "127.0.0.1", "1"]);
        assert_eq!(subject.ask(1, 2).await, Ok(1), "what is there can still be read");
        answers_in_time(&in_a_hurry, 10).await;
        assert!(subject.invalidate(1).await.is_err());
        assert_eq!(subject.ask(1, 3).await, Ok(3), "not read: its invalidation is outstanding");
        server.command(&["REPLICAOF", "NO", "ONE"]);
        recovers(&in_a_hurry, 1000).await;
        poll::until_async("the invalidation has been made up for", PATIENCE, async || {
            subject.cache.stats().pending_invalidations == 0
        })
        .await;
        assert_eq!(subject.ask(1, 4).await, Ok(4));
    });
}

#[test]
fn a_primary_that_was_demoted_is_looked_for_anew() {
    each_own(&[], async |server| {
        let proxy = Proxy::start(server.port());
        let subject = Subject::in_a_hurry(&proxy.url()).connected().await;
        let connections = proxy.accepted();
        server.command(&["REPLICAOF", "127.0.0.1", "1"]);
        poll::until_async("another connection", PATIENCE, async || {
            subject.ask(1, 1).await.expect("a value");
            proxy.accepted() > connections
        })
        .await;
    });
}

#[test]
fn a_runtime_that_ends_takes_no_cache_with_it() {
    each_binary(|binary: &Binary| {
        let server = Server::start(binary, &[]);
        let subject = Subject::on(&server);
        runtime().block_on(subject.ask(1, 1)).expect("a value");
        for value in 2..5 {
            // The connection's task has ended with the runtime before.
            assert_eq!(runtime().block_on(subject.ask(1, value)), Ok(1));
        }
    });
}

/// It is kept for the next time, and its tasks neither run nor end: among them the one that would connect.
#[test]
fn a_runtime_that_nobody_drives_takes_no_cache_with_it() {
    each_binary(|binary: &Binary| {
        let server = Server::start(binary, &[]);
        server.kill();
        let subject = Subject::on(&server);
        let kept = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let kept = kept.expect("a runtime");
        kept.block_on(answers_once(&subject, 1));
        server.restart();
        runtime().block_on(poll::until_async("hits are back", PATIENCE, async || {
            subject.ask(2, 1).await.expect("a value");
            let loads = subject.loads();
            subject.ask(2, 1).await.expect("a value");
            subject.loads() == loads
        }));
        kept.block_on(recovers(&subject, 3));
    });
}

#[test]
fn without_the_right_to_write() {
    each_own(&[], async |server| {
        server.command(&[
            "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-eval", "-evalsha",
        ]);
        let subject = Subject::in_a_hurry(&server.url().replace("redis://", "redis://reader:pw@"));
        answers_in_time(&subject, 0).await;
        server.command(&["ACL", "SETUSER", "reader", "+@all"]);
        recovers(&subject, 1000).await;
    });
}

#[test]
fn health_is_more_than_a_ping() {
    each_own(&[], async |server| {
        server.command(&["ACL", "SETUSER", "elsewhere", "on", ">pw", "~other*", "+@all"]);
        let url = server.url().replace("redis://", "redis://elsewhere:pw@");
        is_named("NOPERM", &url).await;
        assert!(Subject::in_a_hurry(server.url()).connected().await.cache.health().await.is_up());
        server.kill();
        for (url, reason) in [
            (server.url(), "connection refused"),
            // No name has an empty part, so that no name server is asked.
            ("redis://nowhere..invalid", "not found"),
            ("unix:///nowhere/socket", "not found"),
        ] {
            is_named(reason, url).await;
        }
    });
}

/// Once the first attempt to connect has ended, which may outlast the budget.
async fn is_named(reason: &str, url: &str) {
    let subject = Subject::in_a_hurry(url);
    poll::until_async(format!("{reason} is named"), PATIENCE, async || {
        let error = subject.cache.health().await.ping.expect_err("nothing to be read there");
        error.to_string().contains(reason)
    })
    .await;
}

#[test]
fn with_the_least_rights_that_the_documentation_names() {
    each_own(&[], async |server| {
        let rights = "-@all +get +set +getrange +setrange +unlink +pexpire +pttl +time +eval \
                      +evalsha +script +ping +hello +client|tracking +client|caching";
        let mut command = vec!["ACL", "SETUSER", "least", "on", ">pw", "resetkeys", "~least*"];
        command.extend(rights.split_whitespace());
        assert_eq!(server.command(&command).trim(), "OK");
        let url = server.url().replace("redis://", "redis://least:pw@");
        let subject = Subject::named(&url, "least").connected().await;
        subject.ask(1, 1).await.expect("a value");
        assert_eq!(subject.ask(1, 2).await, Ok(1), "a hit");
        subject.invalidate(1).await.expect("allowed");
        subject.ask(1, 3).await.expect("a value");
        subject.invalidate_all().await.expect("allowed");
        assert_eq!(subject.ask(1, 4).await, Ok(4));
    });
}

#[test]
fn with_a_wrong_password() {
    each_own(&["--requirepass", "right"], async |server| {
        let subject = Subject::in_a_hurry(&format!("redis://:wrong@127.0.0.1:{}", server.port()));
        answers_in_time(&subject, 0).await;
        let error = subject.invalidate(1).await.expect_err("no connection");
        assert!(!format!("{error:?}").contains("wrong"));
        assert!(error.to_string().contains("WRONGPASS"), "{error}");
    });
}

#[test]
fn rubbish_under_the_key() {
    each_own(&[], async |server| {
        let in_a_hurry = Subject::in_a_hurry(server.url()).connected().await;
        let subject = Subject::on(server).connected().await;
        let header = b"CR\x01V\x00\x01\x00\x08".iter().copied();
        let bomb: Vec<u8> =
            header.chain([0; 56]).chain(std::iter::repeat_n(b'[', 6_000_000)).collect();
        for (command, rubbish) in [
            ("SET", &b"x"[..]),
            ("SET", &[0xff; 100]),
            ("SET", &vec![b'['; 6_000_000]),
            ("SET", &bomb),
            ("RPUSH", b"x"),
        ] {
            for subject in [&in_a_hurry, &subject] {
                let key = subject.key(1);
                server.command(&["DEL", key.as_str()]);
                server.command(&[command.as_bytes(), key.as_bytes(), rubbish]);
            }
            answers_once(&in_a_hurry, 1).await;
            // In the same call it is replaced by what the body returns.
            assert_eq!(subject.ask(1, 2).await, Ok(2));
            assert_eq!(subject.ask(1, 3).await, Ok(2));
        }
    });
}

#[test]
fn a_failed_invalidation_is_made_up_for() {
    each_own(&[], async |server| {
        let proxy = Proxy::start(server.port());
        let subject = Subject::in_a_hurry(&proxy.url()).connected().await;
        subject.ask(1, 1).await.expect("a value");
        proxy.set(Mode::Refuse);
        assert!(subject.invalidate(1).await.is_err());
        proxy.set(Mode::Pass);
        poll::until_async("made up for", PATIENCE, async || {
            subject.cache.stats().pending_invalidations == 0
        })
        .await;
        assert_eq!(Subject::in_a_hurry(server.url()).cache.stats().pending_invalidations, 0);
        assert_eq!(subject.ask(1, 2).await, Ok(2));
    });
}

#[test]
fn a_connection_of_the_users_own() {
    each_own(&[], async |server| {
        let client = cached_redis::redis::Client::open(server.url()).expect("a URL");
        let connection = connection_of_the_users_own(server).await;
        let builder = || Cache::builder().connection(connection.clone());
        let subject = Subject::with(builder().budget(PATIENCE).build().expect("valid"));
        subject.ask(1, 1).await.expect("a value");
        assert_eq!(subject.ask(1, 2).await, Ok(1));
        let in_a_hurry = Subject::with(builder().build().expect("valid"));
        server.kill();
        answers_in_time(&in_a_hurry, 10).await;
        let again = Subject::with(Cache::builder().client(client).build().expect("valid"));
        answers_in_time(&again, 10).await;
        server.restart();
        recovers(&again, 1000).await;
    });
}
