//! What keeps anything from being stored.

use std::time::Duration;

use cached_redis_test_support::{Server, each_binary};

use super::{LONG, Subject, each_store};
use crate::lease::{Acquired, Filled, Intent, Nonce};

/// How many fences stand.
const COUNT: &str = "return #redis.call('KEYS', '*:fence')";

#[tokio::test]
async fn nothing_is_stored_while_a_fence_stands() {
    each_store(async |subject| {
        let (store, key) = (&subject.store, [subject.key.clone()]);
        let [one, two] = [1, 2].map(|sequence| Nonce { process: 9, sequence });
        let before = subject.granted(1, Intent::Read).await;
        store.hold(&key, one, LONG).await.expect("an answer");
        assert_eq!(subject.fill(before, b"old").await, Filled::Lost);
        store.hold(&key, two, LONG).await.expect("an answer");
        store.hold(&key, one, LONG).await.expect("renewed");
        // Somebody else's invalidation removes the entry and not the fence.
        subject.delete().await;
        let intents = [Intent::Read, Intent::Refresh, Intent::Replace(before), Intent::Reload];
        for intent in intents {
            assert_eq!(subject.acquire(2, intent).await, Acquired::NoStore);
        }
        store.lift(&key, one).await.expect("an answer");
        assert_eq!(subject.acquire(3, Intent::Read).await, Acquired::NoStore, "the other stands");
        store.lift(&key, two).await.expect("an answer");
        subject.granted(4, Intent::Read).await;
    })
    .await;
}

#[tokio::test]
async fn a_fence_ends_by_itself() {
    each_store(async |subject| {
        let fence = Nonce { process: 9, sequence: 1 };
        let life = Duration::from_millis(30);
        subject
            .store
            .hold(std::slice::from_ref(&subject.key), fence, life)
            .await
            .expect("an answer");
        let end = tokio::time::Instant::now() + Duration::from_secs(10);
        while subject.acquire(1, Intent::Read).await == Acquired::NoStore {
            assert!(tokio::time::Instant::now() < end, "it never ends");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[test]
fn a_server_that_has_lost_its_scripts_gets_each_once_for_a_whole_batch() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let subject = Subject::redis(&server, true);
            let keys: Vec<_> =
                (0..400).map(|id| format!("{}:p:f:{{{id}}}", subject.namespace)).collect();
            let fence = Nonce { process: 9, sequence: 1 };
            let tags: Vec<_> = (0..400).map(|id| id.to_string()).collect();
            let tags: Vec<_> = tags.iter().map(String::as_str).collect();
            subject.find().await;
            for what in ["HOLD", "LIFT", "GENERATION"] {
                assert_eq!(server.command(&["SCRIPT", "FLUSH"]), "OK");
                server.reset_commandstats();
                match what {
                    "HOLD" => subject.store.hold(&keys, fence, LONG).await.expect("planted"),
                    "LIFT" => subject.store.lift(&keys, fence).await.expect("lifted"),
                    _ => drop(subject.stamps(&tags).await.expect("no fence")),
                }
                assert_eq!(server.commandstats().get("eval"), Some(&1), "{what}");
                let fences: u64 = server.command(&["EVAL", COUNT, "0"]).parse().expect("a number");
                assert_eq!(fences, if what == "HOLD" { 400 } else { 0 }, "{what}");
            }
        });
    });
}
