//! What goes over the wire.

use std::collections::BTreeMap;

use cached_redis_test_support::{Server, each_binary};

use crate::support::Subject;

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(command, count)| ((*command).to_owned(), *count)).collect()
}

/// Runs a test on a server of its own, over RESP2 and RESP3.
fn each_wire(test: impl AsyncFn(&Server, Subject)) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        for url in [server.url().to_owned(), format!("{}/?protocol=resp3", server.url())] {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let subject = Subject::at(&url).connected().await;
                test(&server, subject).await;
            });
        }
    });
}

#[test]
fn a_hit_is_one_get_and_nothing_else() {
    each_wire(async |server, subject| {
        subject.ask(1, 10).await.expect("a value");
        server.reset_commandstats();
        for _ in 0..100 {
            assert_eq!(subject.ask(1, 11).await, Ok(10));
        }
        assert_eq!(server.commandstats(), counted(&[("get", 100)]));
    });
}

#[test]
fn a_cold_miss_is_three_round_trips() {
    each_wire(async |server, subject| {
        server.reset_commandstats();
        subject.ask(1, 10).await.expect("a value");
        let stats = server.commandstats();
        // What the client sent; the rest is what the scripts did inside the server.
        let sent: u64 = ["eval", "evalsha", "script|load", "script", "unlink"]
            .iter()
            .filter_map(|command| stats.get(*command))
            .sum();
        assert_eq!(sent, 2, "ACQUIRE and FILL: {stats:?}");
        assert_eq!(stats.get("get"), Some(&1), "{stats:?}");
    });
}

#[test]
fn an_invalidation_is_one_unlink() {
    each_wire(async |server, subject| {
        subject.ask(1, 10).await.expect("a value");
        server.reset_commandstats();
        subject.invalidate(1).await.expect("a server");
        assert_eq!(server.commandstats(), counted(&[("unlink", 1)]));
    });
}

#[test]
fn a_bypass_sends_nothing() {
    each_wire(async |server, subject| {
        server.reset_commandstats();
        cached_redis::bypass(subject.ask(1, 10)).await.expect("a value");
        assert_eq!(server.commandstats(), counted(&[]));
    });
}

#[test]
fn nothing_is_stored_without_an_expiry() {
    each_wire(async |server, subject| {
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
    each_wire(async |_, subject| {
        let key = subject.key(123_456_789);
        assert!(!key.contains("123456789"), "{key}");
        let (family, hash) = key.split_once('{').expect("a hash tag");
        assert!(family.ends_with(":test:value:"), "{key}");
        assert_eq!(hash.len(), 33, "{key}");
    });
}
