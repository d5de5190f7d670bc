//! What goes over the wire.

use std::collections::BTreeMap;

use cached_redis_test_support::{Server, each_binary};
use tokio::task::JoinSet;

use crate::support::Subject;

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(command, count)| ((*command).to_owned(), *count)).collect()
}

/// Runs a test on a server of its own, over RESP3, where it tells what changes, and over RESP2, where
/// a hit reads the function's generation in the same round trip.
fn each_wire(test: impl AsyncFn(&Server, Subject, u64)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        for (protocol, gets_of_a_hit) in [("resp3", 1), ("resp2", 2)] {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let url = format!("{}/?protocol={protocol}", server.url());
                let subject = Subject::at(&url).connected().await;
                test(&server, subject, gets_of_a_hit).await;
            });
        }
    });
}

#[test]
fn a_hit_is_one_get_and_nothing_else() {
    each_wire(async |server, subject, gets_of_a_hit| {
        subject.ask(1, 10).await.expect("a value");
        server.reset_commandstats();
        for _ in 0..100 {
            assert_eq!(subject.ask(1, 11).await, Ok(10));
        }
        assert_eq!(server.commandstats(), counted(&[("get", 100 * gets_of_a_hit)]));
    });
}

#[test]
fn a_cold_miss_is_three_round_trips() {
    each_wire(async |server, subject, gets_of_a_hit| {
        // The first of a function also asks for its generation.
        subject.ask(0, 10).await.expect("a value");
        server.reset_commandstats();
        subject.ask(1, 10).await.expect("a value");
        let stats = server.commandstats();
        // What the client sent; the rest is what the scripts did inside the server.
        let sent: u64 = ["eval", "evalsha", "script|load", "script", "unlink"]
            .iter()
            .filter_map(|command| stats.get(*command))
            .sum();
        let gets = stats.get("get").copied();
        if gets_of_a_hit == 1 {
            assert_eq!(sent, 2, "ACQUIRE and FILL: {stats:?}");
            assert_eq!(gets, Some(1 + 1), "and one of ACQUIRE, which looks for a fence: {stats:?}");
        } else {
            assert_eq!(sent, 3, "and the generation of the function: {stats:?}");
        }
    });
}

#[test]
fn an_invalidation_is_one_unlink() {
    each_wire(async |server, subject, _| {
        subject.ask(1, 10).await.expect("a value");
        server.reset_commandstats();
        subject.invalidate(1).await.expect("a server");
        assert_eq!(server.commandstats(), counted(&[("unlink", 1)]));
    });
}

#[test]
fn a_bypass_sends_nothing() {
    each_wire(async |server, subject, _| {
        server.reset_commandstats();
        cached_redis::bypass(subject.ask(1, 10)).await.expect("a value");
        assert_eq!(server.commandstats(), counted(&[]));
    });
}

#[test]
fn nothing_is_stored_without_an_expiry() {
    each_wire(async |server, subject, _| {
        subject.ask(1, 10).await.expect("a value");
        assert_eq!(subject.load(2, async { Err(crate::support::Failure) }).await.ok(), None);
        let keys = server.command(&["KEYS", "*"]);
        for key in keys.lines() {
            let left: i64 = server.command(&["PTTL", key]).trim().parse().expect("a number");
            assert!(left > 0, "{key} has {left} ms");
        }
    });
}

#[test]
fn neither_arguments_nor_values_stand_in_keys() {
    each_wire(async |_, subject, _| {
        let key = subject.key(123_456_789);
        assert!(!key.contains("123456789"), "{key}");
        let (family, hash) = key.split_once('{').expect("a hash tag");
        assert!(family.ends_with(":test:value:"), "{key}");
        assert_eq!(hash.len(), 33, "{key}");
    });
}

#[test]
fn hits_of_the_same_moment_are_few_commands_where_the_server_takes_several_keys() {
    const HITS: u64 = 64;
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        for (user, takes_several) in [("several", true), ("single", false)] {
            let right = if takes_several { "+mget" } else { "-mget" };
            let rights = ["ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all", right];
            assert_eq!(server.command(&rights), "OK");
            let url = server.url().replace("redis://", &format!("redis://{user}:pw@"));
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let subject = Subject::at(&url).connected().await;
                for id in 0..HITS {
                    subject.ask(id, id).await.expect("a value");
                }
                for _ in 0..3 {
                    server.reset_commandstats();
                    let mut hits = JoinSet::new();
                    for id in 0..HITS {
                        let subject = subject.clone();
                        hits.spawn(async move { assert_eq!(subject.ask(id, HITS).await, Ok(id)) });
                    }
                    hits.join_all().await;
                    let stats = server.commandstats();
                    let calls: u64 = stats.values().sum();
                    if takes_several {
                        assert!(calls < HITS, "{stats:?}");
                    } else {
                        assert_eq!(stats, counted(&[("get", HITS)]));
                    }
                }
            });
        }
    });
}
