//! Tests on every kind of server.

use std::sync::OnceLock;

use crate::loudly;
use crate::programs::{Binary, available, own_url};
use crate::server::Server;

/// Runs a test on every kind of server. The tests of a binary share one process per kind: keep apart by namespace.
pub fn each_server(mut test: impl FnMut(&'static Server)) {
    for server in shared() {
        eprintln!("on {}", server.label());
        test(server);
    }
}

/// [`each_server`] for an async test.
pub async fn each_server_async(mut test: impl AsyncFnMut(&'static Server)) {
    for server in shared() {
        eprintln!("on {}", server.label());
        test(server).await;
    }
}

/// Runs a test on every kind of server, for tests that start their own: to kill it, to configure it, to count commands.
pub fn each_binary(mut test: impl FnMut(&'static Binary)) {
    if own_url().is_some() {
        loudly("left out: a test that needs a server of its own, as CACHED_REDIS_TEST_URL is set");
    }
    for binary in available() {
        eprintln!("on {}", binary.label);
        test(binary);
    }
}

fn shared() -> &'static [Server] {
    static SHARED: OnceLock<Vec<Server>> = OnceLock::new();
    SHARED.get_or_init(|| match own_url() {
        Some(url) => vec![Server::existing(&url)],
        None => available().iter().map(|binary| Server::start(binary, &[])).collect(),
    })
}
