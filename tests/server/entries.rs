//! The helpers around an entry.

use std::time::Duration;

use cached_redis::refresh;
use cached_redis_test_support::each_server_async;

use crate::support::{Failure, LOAD, Subject};

#[tokio::test]
async fn an_entry_can_be_looked_at_filled_and_removed() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        let entry = subject.entry(1);
        assert_eq!(entry.get().await.expect("a server"), None);
        assert_eq!(entry.ttl().await.expect("a server"), None);
        entry.put(10).await.expect("a server");
        assert_eq!(entry.get().await.expect("a server"), Some(Ok(10)));
        let left = entry.ttl().await.expect("a server").expect("an entry");
        assert!(left <= Duration::from_secs(600) && left > Duration::from_secs(590), "{left:?}");
        assert_eq!(subject.ask(1, 11).await, Ok(10), "a hit");
        entry.invalidate().await.expect("a server");
        assert_eq!(subject.ask(1, 12).await, Ok(12));
    })
    .await;
}

#[tokio::test]
async fn putting_an_error_removes_the_entry() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        subject.ask(1, 10).await.expect("a value");
        subject.entry(1).put(Err::<u64, _>(Failure)).await.expect("a server");
        assert_eq!(subject.entry(1).get().await.expect("a server"), None);
    })
    .await;
}

#[tokio::test]
async fn a_put_is_not_overwritten_by_an_older_load() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        let old = tokio::spawn({
            let subject = subject.clone();
            async move { subject.after(1, LOAD, 1).await }
        });
        subject.loading(0).await;
        subject.entry(1).put(2).await.expect("a server");
        old.await.expect("no panic").expect("a value");
        assert_eq!(subject.ask(1, 3).await, Ok(2));
    })
    .await;
}

#[tokio::test]
async fn expire_makes_the_next_call_load() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        assert!(!subject.entry(1).expire().await.expect("a server"));
        subject.ask(1, 1).await.expect("a value");
        assert!(subject.entry(1).expire().await.expect("a server"));
        assert_eq!(subject.ask(1, 2).await, Ok(2));
        assert_eq!(subject.ask(1, 3).await, Ok(2));
    })
    .await;
}

/// Its payload may be compressed or encrypted, which the header says in bytes that this version leaves at zero.
#[tokio::test]
async fn an_entry_of_a_later_version_is_replaced() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        let key = subject.entry(1).key().expect("a key");
        for (byte, unknown) in [("2", "2"), ("5", "2"), ("6", "1"), ("60", "2"), ("63", "1")] {
            for state in ["V", "S", "L"] {
                subject.entry(1).invalidate().await.expect("a server");
                assert_eq!(subject.ask(1, 1).await, Ok(1));
                server.command(&["SETRANGE", &key, byte, unknown]);
                server.command(&["SETRANGE", &key, "3", state]);
                assert_eq!(subject.ask(1, 2).await, Ok(2), "{unknown} in byte {byte}");
                assert_eq!(subject.ask(1, 3).await, Ok(2), "a hit");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn refresh_stores_what_it_loads() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        subject.ask(1, 1).await.expect("a value");
        assert_eq!(refresh(subject.ask(1, 2)).await, Ok(2));
        assert_eq!(subject.ask(1, 3).await, Ok(2));
    })
    .await;
}
