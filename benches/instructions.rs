//! So many hits, or misses, of an annotated function on the in-process store: what `.ci/instructions` counts the
//! instructions of. `instructions hits|misses N`.
//!
//! Instructions do not depend on what else the machine does, and the in-process store leaves the network out. What
//! is counted is the difference between two `N`, so that starting does not count.

#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;

use cached_redis::{Cache, redis_cached};
use serde::{Deserialize, Serialize};

/// A function's first stores are read back and compared, which later ones seldom are.
const WARM: u64 = 100;

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

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let count = arguments.iter().find_map(|argument| argument.parse().ok());
    // `cargo test --benches` gives none; it only wants to see that this runs.
    let count = count.unwrap_or(WARM);
    let cache = Cache::builder().memory().build().expect("no settings");
    cache.install().expect("the only one");
    // Other threads would run what is not counted here, or count what is not of a call.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for id in FIRST..FIRST + WARM {
            ask(id).await;
        }
        let is_misses = arguments.iter().any(|argument| argument == "misses");
        if is_misses {
            misses(count).await
        } else {
            hits(count).await
        }
        let stats = cache.stats();
        let loads: u64 = stats.functions.iter().map(|function| function.loads).sum();
        assert_eq!(loads, if is_misses { WARM + count } else { WARM });
    });
}
