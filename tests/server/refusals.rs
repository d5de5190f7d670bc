//! Invalidations that the server refuses, among others that it allows.

use cached_redis::ErrorKind;
use cached_redis_test_support::{Server, each_binary, poll, unique_namespace};

use crate::shop::{Shop, body, gives, product};
use crate::support::PATIENCE;

/// Two nodes of one application: the user of the second may remove entries of `plain`, but not of `sliding`.
async fn nodes(server: &Server) -> (Shop, Shop) {
    let namespace = unique_namespace("refusals");
    let allowed = ["shop:plain:*", "generation:*", "health"];
    let allowed = allowed.map(|keys| format!("~{namespace}:{keys}"));
    let rights = ["ACL", "SETUSER", "limited", "reset", "on", ">pw", "+@all"];
    server.command(&rights.map(str::to_owned).into_iter().chain(allowed).collect::<Vec<_>>());
    let url = server.url().replace("redis://", "redis://limited:pw@");
    let all = Shop::at(server.url(), &namespace).connected().await;
    (all, Shop::at(&url, &namespace).connected().await)
}

async fn fill(shop: &Shop, id: u64) {
    shop.plain(id, gives(1)).await.expect("a value");
    shop.sliding(id, gives(1)).await.expect("a value");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

#[test]
fn a_refused_target_keeps_no_other_of_its_write_from_being_removed() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let (all, limited) = nodes(&server).await;
            fill(&all, 1).await;
            limited.write_two(1, body(async {})).await;
            assert_eq!(all.plain_entry(1).get().await.expect("a server"), None);
            assert_eq!(all.sliding_entry(1).get().await.expect("a server"), Some(product(1)));
            assert_eq!(limited.cache.stats().pending_invalidations, 1);
        });
    });
}

#[test]
fn a_refused_target_keeps_no_other_from_being_retried() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let (all, limited) = nodes(&server).await;
            fill(&all, 1).await;
            let error = limited.sliding_entry(1).invalidate().await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Server);
            server.command(&["ACL", "SETUSER", "limited", "-unlink"]);
            limited.plain_entry(1).invalidate().await.expect_err("refused as well");
            assert_eq!(limited.cache.stats().pending_invalidations, 2);
            server.command(&["ACL", "SETUSER", "limited", "+unlink"]);
            poll::until_async("one is left", PATIENCE, async || {
                limited.cache.stats().pending_invalidations == 1
            })
            .await;
            assert_eq!(all.plain_entry(1).get().await.expect("a server"), None);
            server.command(&["ACL", "SETUSER", "limited", "~*"]);
            limited.sliding_entry(1).invalidate().await.expect("allowed by now");
            assert_eq!(limited.cache.stats().pending_invalidations, 0, "and so is the failed one");
        });
    });
}
