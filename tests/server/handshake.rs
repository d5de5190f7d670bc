//! How a connection is made: what a server greets with, what a user may, and what is said of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cached_redis::{Cache, Credentials, Loss, Tracking, Untracked};
use cached_redis_test_support::{Proxy, Server, each_binary, each_server, poll};

use crate::support::{PATIENCE, Subject};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

#[test]
fn tracking_is_trusted_once_a_change_was_seen() {
    each_server(|server| {
        runtime().block_on(async {
            let subject = Subject::on(server).connected().await;
            assert_eq!(subject.cache.health().await.tracking, Tracking::On);
            assert_eq!(subject.cache.stats().untracked_connections, 0);
        });
    });
}

#[test]
fn without_the_right_to_track_a_hit_is_one_round_trip_and_health_says_so() {
    const HITS: u64 = 20;
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let rights = "reset on >pw allkeys -@all +get +set +getrange +setrange +unlink +pexpire +pttl +time +eval \
                      +evalsha +script +ping +hello +client|tracking";
        let mut command = vec!["ACL", "SETUSER", "half"];
        command.extend(rights.split_whitespace());
        assert_eq!(server.command(&command).trim(), "OK");
        runtime().block_on(async {
            let proxy = Proxy::start(server.port());
            let url = proxy.url().replace("redis://", "redis://half:pw@");
            let subject = Subject::at(&url).connected().await;
            subject.ask(1, 1).await.expect("a value");
            let health = subject.cache.health().await;
            assert_eq!(health.tracking, Tracking::Off(Untracked::Rights));
            assert!(health.losses.iter().any(|loss| loss.kind == Loss::Untracked));
            server.reset_commandstats();
            let before = proxy.arrivals();
            for _ in 0..HITS {
                assert_eq!(subject.ask(1, 2).await, Ok(1), "a hit");
            }
            assert_eq!(proxy.arrivals() - before, HITS, "round trips");
            let gets_only = std::collections::BTreeMap::from([("get".to_owned(), 2 * HITS)]);
            assert_eq!(server.commandstats(), gets_only, "the entry and the generation");
        });
    });
}

/// What a peer does about HELLO.
#[derive(Clone, Copy)]
enum Odd {
    /// It answers nothing any more.
    Swallows,
    /// It hangs up, on the first connection only.
    HangsUpOnce,
}

/// A peer between client and server that passes everything else on.
fn odd_about_hello(target: u16, odd: Odd) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (Ok(mut client), Ok(mut server)) =
                (client, TcpStream::connect(("127.0.0.1", target)))
            else {
                return;
            };
            let (mut replies, mut to) =
                (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
            std::thread::spawn(move || std::io::copy(&mut replies, &mut to));
            std::thread::spawn(move || {
                let mut bytes = [0; 64 * 1024];
                let mut swallows = false;
                while let Ok(read @ 1..) = client.read(&mut bytes) {
                    if bytes[..read].windows(5).any(|word| word == b"HELLO") {
                        match odd {
                            Odd::Swallows => swallows = true,
                            Odd::HangsUpOnce if number == 0 => {
                                let _ = client.shutdown(Shutdown::Both);
                                return;
                            }
                            Odd::HangsUpOnce => {}
                        }
                    }
                    if !swallows && server.write_all(&bytes[..read]).is_err() {
                        return;
                    }
                }
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

#[test]
fn a_peer_that_swallows_hello_is_reached() {
    each_server(|server| {
        runtime().block_on(async {
            let port = odd_about_hello(server.port(), Odd::Swallows);
            let subject = Subject::at(&format!("redis://127.0.0.1:{port}")).connected().await;
            subject.ask(1, 1).await.expect("a value");
            assert_eq!(subject.ask(1, 2).await, Ok(1), "a hit");
            let health = subject.cache.health().await;
            assert_eq!(health.tracking, Tracking::Off(Untracked::Protocol));
            assert_eq!(subject.cache.stats().untracked_connections, 1);
        });
    });
}

#[test]
fn a_connection_that_is_not_tracked_gives_way_to_one_that_is() {
    each_server(|server| {
        runtime().block_on(async {
            let port = odd_about_hello(server.port(), Odd::HangsUpOnce);
            let subject = Subject::at(&format!("redis://127.0.0.1:{port}")).connected().await;
            let tracking = async || subject.cache.health().await.tracking;
            assert_eq!(tracking().await, Tracking::Off(Untracked::Protocol));
            let is_tracked = async || tracking().await == Tracking::On;
            poll::until_async("tried again", 2 * PATIENCE, is_tracked).await;
            subject.ask(1, 1).await.expect("a value");
            assert_eq!(subject.ask(1, 2).await, Ok(1), "a hit");
        });
    });
}

#[test]
fn a_password_that_was_changed_is_asked_for() {
    each_binary(|binary| {
        let server = Server::start(binary, &["--requirepass", "first"]);
        runtime().block_on(async {
            let asked = Arc::new(AtomicU64::new(0));
            let provider = {
                let asked = Arc::clone(&asked);
                move || {
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    let password = if number == 0 { "first" } else { "second" };
                    async move { Ok::<_, std::io::Error>(Credentials::password(password)) }
                }
            };
            let url = format!("redis://127.0.0.1:{}", server.port());
            let cache = Cache::builder().url(url).namespace("rotated").budget(PATIENCE);
            let cache = cache.credentials(provider).build().expect("a URL");
            let subject = Subject::with(cache).connected().await;
            subject.ask(1, 1).await.expect("a value");
            let client = cached_redis::redis::Client::open(format!(
                "redis://:first@127.0.0.1:{}",
                server.port()
            ));
            let mut connection = client.expect("a URL").get_connection().expect("a server");
            let mut run = |words: &[&str]| {
                let mut command = cached_redis::redis::cmd(words[0]);
                command.arg(&words[1..]).exec(&mut connection).expect("an answer");
            };
            run(&["CONFIG", "SET", "requirepass", "second"]);
            run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            poll::until_async("hits are back", PATIENCE, async || {
                let loads = subject.loads();
                subject.ask(1, 1).await.expect("a value");
                subject.loads() == loads && subject.cache.stats().reconnects == 1
            })
            .await;
            assert_eq!(asked.load(Ordering::SeqCst), 2, "once for each connection");
        });
    });
}

#[test]
fn a_cluster_is_not_used_and_health_says_so() {
    each_binary(|binary| {
        let server = Server::start(binary, &["--cluster-enabled", "yes"]);
        runtime().block_on(async {
            for query in ["", "?protocol=resp2"] {
                let subject = Subject::in_a_hurry(&format!("{}{query}", server.url()));
                poll::until_async("it is said", PATIENCE, async || {
                    subject.ask(1, 1).await.expect("a value");
                    let losses = subject.cache.health().await.losses;
                    losses.iter().any(|loss| loss.kind == Loss::Cluster)
                })
                .await;
                let error = subject.invalidate(1).await.expect_err("it is not used");
                assert!(error.to_string().contains("cluster"), "{error}");
                let stored: u64 =
                    subject.cache.stats().functions.iter().map(|one| one.stored).sum();
                assert_eq!(stored, 0);
            }
        });
    });
}
