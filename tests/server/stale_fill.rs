//! A load that began before an invalidation never leaves its value behind it.

use cached_redis_test_support::process::{self, Child};
use cached_redis_test_support::{Server, each_server, unique_namespace};

use crate::support::{LOAD, Subject};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

/// A load of the old value begins, `invalidate` comes between, the load ends; then nobody may see
/// the old value.
fn race(server: &'static Server, invalidate: impl AsyncFn(&Subject)) {
    runtime().block_on(async {
        let subject = Subject::on(server).connected().await;
        let old = tokio::spawn({
            let subject = subject.clone();
            async move { subject.after(1, 2 * LOAD, 1).await }
        });
        subject.loading(0).await;
        invalidate(&subject).await;
        // While the old load is still running: this call must not join it.
        assert_eq!(subject.ask(1, 2).await, Ok(2));
        assert_eq!(old.await.expect("no panic"), Ok(1));
        assert_eq!(subject.ask(1, 3).await, Ok(2));
        let elsewhere = Subject::with(subject.cache.clone());
        assert_eq!(elsewhere.ask(1, 4).await, Ok(2));
    });
}

#[test]
fn invalidated_by_the_helper() {
    each_server(|server| {
        race(server, async |subject| subject.invalidate(1).await.expect("a server"));
    });
}

#[test]
fn invalidated_with_the_whole_function() {
    each_server(|server| {
        race(server, async |subject| subject.invalidate_all().await.expect("a server"));
    });
}

#[test]
fn deleted_by_an_operator() {
    each_server(|server| {
        race(server, async |subject| {
            assert_eq!(server.command(&["DEL", subject.key(1).as_str()]).trim(), "1");
        });
    });
}

#[test]
fn invalidated_by_another_process() {
    const TEST: &str = "stale_fill::invalidated_by_another_process";
    if let Some(arguments) = process::role("invalidator") {
        let [url, namespace] = &arguments[..] else { panic!("{arguments:?}") };
        runtime().block_on(async {
            let subject = Subject::named(url, namespace).connected().await;
            process::say("ready");
            process::hear();
            subject.invalidate(1).await.expect("a server");
            process::say("done");
        });
        return;
    }
    each_server(|server| {
        let namespace = unique_namespace("other");
        let mut child = Child::spawn_self("invalidator", TEST, &[server.url(), &namespace]);
        assert_eq!(child.line(), "ready");
        runtime().block_on(async {
            let subject = Subject::named(server.url(), &namespace).connected().await;
            let old = tokio::spawn({
                let subject = subject.clone();
                async move { subject.after(1, 2 * LOAD, 1).await }
            });
            subject.loading(0).await;
            child.send("go");
            assert_eq!(child.line(), "done");
            assert_eq!(subject.ask(1, 2).await, Ok(2));
            old.await.expect("no panic").expect("a value");
            assert_eq!(subject.ask(1, 3).await, Ok(2));
        });
        assert!(child.finish());
    });
}

#[test]
fn only_the_function_that_was_invalidated_loses_its_entries() {
    #[cached_redis::redis_cached(ttl = 600, prefix = "test")]
    async fn bystander(id: u64, answer: u64) -> u64 {
        id + answer
    }
    each_server(|server| {
        runtime().block_on(async {
            let subject = Subject::on(server).connected().await;
            for id in 0..50 {
                subject.ask(id, id).await.expect("a value");
            }
            subject.cache.scope(bystander(1, 1)).await;
            // So many others that the sweep takes several steps.
            let others = "for i = 1, 5000 do redis.call('SET', ARGV[1] .. i, '', 'PX', 60000) end";
            server.command(&["EVAL", others, "0", &unique_namespace("other")]);
            subject.invalidate_all().await.expect("a server");
            for id in 0..50 {
                assert_eq!(subject.ask(id, 100 + id).await, Ok(100 + id));
            }
            let left = subject.cache.scope(async { bystander_entry(1, 1).get().await });
            assert_eq!(left.await.expect("a server"), Some(2));
        });
    });
}
