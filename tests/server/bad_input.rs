//! Bad input gets a clear error, and nothing is lost.

use std::collections::HashMap;
use std::time::Duration;

use cached_redis::{Cache, ErrorKind, redis_cached};
use cached_redis_test_support::each_server_async;
use serde::{Deserialize, Serialize, Serializer};

use crate::support::Subject;

/// The message of a cache that cannot be built; it must not quote the secret.
fn refused(builder: cached_redis::CacheBuilder) -> String {
    let error = builder.build().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret"), "{text}");
    error.to_string()
}

#[test]
fn malformed_urls() {
    for url in [
        "",
        "localhost",
        "redis:/s3cret",
        "http://user:s3cret@localhost",
        "redis://user:s3cret@localhost:notaport",
        "redis://user:s3cret@localhost/notadatabase",
        "redis://user:s3cret@localhost:99999",
    ] {
        let message = refused(Cache::builder().url(url));
        assert!(message.contains("redis://"), "{url}: {message}");
    }
}

#[cfg(not(any(feature = "tls-rustls", feature = "tls-native-tls")))]
#[test]
fn tls_without_the_feature() {
    let message = refused(Cache::builder().url("rediss://user:s3cret@localhost"));
    assert!(message.contains("tls-rustls"), "{message}");
}

#[test]
fn settings_that_make_no_sense() {
    let memory = || Cache::builder().memory();
    for namespace in ["", "a:b", "a{b", "a}b", "a b", "a\nb"] {
        assert!(refused(memory().namespace(namespace)).contains("namespace"), "{namespace:?}");
    }
    assert!(refused(memory().budget(Duration::ZERO)).contains("budget"));
    assert!(refused(memory().max_loads_while_down(0)).contains("max_loads_while_down"));
    assert!(refused(memory().max_ttl(Duration::ZERO)).contains("time to live"));
}

#[test]
fn the_debug_text_of_a_cache_has_no_password() {
    let url = "redis://user:s3cret@localhost";
    let builder = Cache::builder().url(url);
    assert!(!format!("{builder:?}").contains("s3cret"));
    assert!(!format!("{:?}", builder.build().expect("valid")).contains("s3cret"));
}

#[test]
fn installing_twice() {
    // The only test of this binary that installs: the others name their cache.
    Cache::memory().install().expect("the first");
    let error = Cache::memory().install().expect_err("the second");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("installed already"), "{error}");
}

#[derive(Debug, PartialEq, Deserialize)]
struct Stubborn(u64);

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("the value is s3cret"))
    }
}

#[redis_cached(ttl = 60, prefix = "test")]
async fn stubborn(id: u64) -> Stubborn {
    Stubborn(id)
}

#[redis_cached(ttl = 60, prefix = "test")]
async fn keyed(by: &Stubborn) -> u64 {
    by.0
}

#[redis_cached(ttl = lifetime(seconds), prefix = "test", skip(seconds))]
async fn short_lived(id: u64, seconds: i64) -> u64 {
    id
}

fn lifetime(seconds: i64) -> i64 {
    seconds
}

#[tokio::test]
async fn what_cannot_be_serialized_is_returned_and_counted() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        let scope = subject.cache.clone();
        scope
            .scope(async {
                for _ in 0..3 {
                    assert_eq!(stubborn(1).await, Stubborn(1));
                    assert_eq!(keyed(&Stubborn(2)).await, 2);
                }
                let error = keyed_invalidate(&Stubborn(2)).await.expect_err("no key");
                assert_eq!(error.kind(), ErrorKind::Key);
                assert!(!error.to_string().contains("s3cret"));
            })
            .await;
        let stats = subject.cache.stats();
        let errors: HashMap<_, _> = stats
            .functions
            .iter()
            .map(|function| (function.name.as_str(), &function.errors))
            .collect();
        assert_eq!(errors["test:stubborn"].get("encode"), Some(&3));
        assert_eq!(errors["test:keyed"].get("key"), Some(&3));
        assert_eq!(subject.cache.loads_in_flight(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_ttl_that_an_expression_gets_wrong_costs_hits_not_answers() {
    each_server_async(async |server| {
        let subject = Subject::on(server).connected().await;
        let scope = subject.cache.clone();
        scope
            .scope(async {
                for seconds in [0, -1, i64::MAX] {
                    assert_eq!(short_lived(1, seconds).await, 1);
                    assert_eq!(short_lived_entry(1, 60).get().await.expect("a server"), None);
                    let error = short_lived_entry(1, seconds).put(1).await.expect_err("no ttl");
                    assert_eq!(error.kind(), ErrorKind::Ttl);
                }
            })
            .await;
    })
    .await;
}
