//! What is no cluster, or is named wrongly.

use std::time::Duration;

use cached_redis::{Cache, ErrorKind};
use cached_redis_test_support::{Cluster, Server, each_binary, poll, unique_namespace};

use crate::shop::{PATIENCE, Shop, on_cluster};

fn refusal<const N: usize>(urls: [&str; N]) -> String {
    let error = Cache::builder().cluster(urls).namespace("x").build().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.to_string().contains("s3cret"), "{error}");
    error.to_string()
}

#[test]
fn what_cannot_name_a_cluster_is_refused_when_the_cache_is_built() {
    assert!(refusal([]).contains("names no node"));
    assert!(refusal(["redis://a", "redis://:s3cret@b"]).contains("differ"));
    assert!(refusal(["redis://a/3"]).contains("database"));
    assert!(refusal(["redis+cluster://a,b/3"]).contains("database"));
    assert!(refusal(["unix:///run/redis.sock"]).contains("unix"));
    assert!(refusal(["redis+cluster://a,,b"]).contains("host"));
    assert!(refusal(["redis+cluster://:s3cret@a,b:0"]).contains("port"));
    let one = Cache::builder().url("redis://a,b").namespace("x").build().expect_err("refused");
    assert!(one.to_string().contains("redis+cluster://"), "{one}");
}

#[test]
fn a_server_of_the_other_kind_is_said_by_health_and_calls_answer() {
    each_binary(|binary| {
        let (alone, cluster) = (Server::start(binary, &[]), Cluster::start(binary, 3, 0));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let build = || Cache::builder().namespace(unique_namespace("cluster"));
            for (cache, says) in [
                (build().cluster([alone.url()]), "not one of a cluster"),
                (build().url(&cluster.urls()[0]), ".cluster([url])"),
            ] {
                let shop = Shop::with(cache.build().expect("a URL"));
                assert_eq!(shop.plain(1).await, 1);
                let said = async || {
                    let health = shop.cache.health().await;
                    health.ping.is_err_and(|error| error.to_string().contains(says))
                };
                poll::until_async(says, PATIENCE, said).await;
                assert_eq!(shop.plain(1).await, 1);
            }
        });
    });
}

#[test]
fn one_seed_that_answers_is_enough_also_in_a_url() {
    on_cluster(0, async |cluster| {
        let good = cluster.urls()[1].clone();
        let host = good.strip_prefix("redis://").expect("a URL");
        let url = format!("redis+cluster://127.0.0.1:1,{host}");
        let build = || Cache::builder().budget(Duration::from_secs(3));
        for cache in [build().cluster(["redis://127.0.0.1:1", &good]), build().url(url)] {
            let cache = cache.namespace(unique_namespace("cluster")).build().expect("URLs");
            let shop = Shop::with(cache);
            poll::until_async("connected", PATIENCE, async || shop.cache.health().await.is_up())
                .await;
            assert_eq!((shop.plain(1).await, shop.plain(1).await, shop.loads()), (1, 1, 1));
        }
    });
}
