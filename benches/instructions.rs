//! Calls of an annotated function, whose instructions `.ci/instructions` counts: `instructions hits|misses N` on the
//! in-process store, `instructions gathered N` hits of 128 tasks on a server.
//!
//! Instructions do not depend on what else the machine does. The in-process store leaves the network out. What is
//! counted is the difference between two `N`, so that starting does not count.

#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;
use std::time::Duration;

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, available, poll};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// A function's first stores are read back and compared, which later ones seldom are.
const WARM: u64 = 100;

const TASKS: u64 = 128;

/// Under valgrind all takes a hundred times as long.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    cents: u64,
    tags: Vec<String>,
}

#[redis_cached(ttl = 3600, prefix = "bench")]
async fn product(id: u64) -> Result<Option<Product>, Infallible> {
    let tags = ["kitchen", "oak", "new"].map(str::to_owned).to_vec();
    Ok(Some(Product { id, name: format!("Product {id}"), cents: 100 * id, tags }))
}

async fn ask(id: u64) {
    let product = product(id).await.expect("infallible").expect("a product");
    assert_eq!(product.id, id);
}

/// Numbers of the same length: none takes longer to write than another.
const FIRST: u64 = 1_000_000;

async fn hits(count: u64) {
    for _ in 0..count {
        ask(FIRST).await;
    }
}

async fn misses(count: u64) {
    for id in FIRST + WARM..FIRST + WARM + count {
        ask(id).await;
    }
}

/// Of as many tasks as ask at the same time.
async fn gathered(count: u64) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(async move {
            for call in 0..count / TASKS {
                ask(FIRST + (task + call) % WARM).await;
            }
        });
    }
    tasks.join_all().await;
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let count = arguments.iter().find_map(|argument| argument.parse().ok());
    // `cargo test --benches` gives none; it only wants to see that this runs.
    let count = count.unwrap_or(WARM);
    let is = |what| arguments.iter().any(|argument| argument == what);
    let server = is("gathered")
        .then(|| available().last().map(|binary| Server::start(binary, &[])).expect("a server"));
    let builder = match &server {
        Some(server) => Cache::builder().url(server.url()).budget(PATIENCE),
        None => Cache::builder().memory(),
    };
    let cache = builder.build().expect("good settings");
    cache.install().expect("the only one");
    // Other threads would run what is not counted here, or count what is not of a call.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        if server.is_some() {
            poll::until_async("connected", PATIENCE, async || cache.health().await.is_up()).await;
        }
        for id in FIRST..FIRST + WARM {
            ask(id).await;
        }
        let is_misses = is("misses");
        if is_misses {
            misses(count).await;
        } else if server.is_some() {
            gathered(count).await;
        } else {
            hits(count).await;
        }
        let stats = cache.stats();
        let loads: u64 = stats.functions.iter().map(|function| function.loads).sum();
        assert_eq!(loads, if is_misses { WARM + count } else { WARM });
    });
}
