//! What keeps anything from being stored.

use std::time::Duration;

use super::{LONG, each_store};
use crate::lease::{Acquired, Filled, Intent, Nonce};

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
