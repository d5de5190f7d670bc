//! How large the futures of annotated functions are, also of those that call each other. Every caller's
//! future contains them, and a task's is moved when it is spawned.

// They are what is measured here.
#![allow(clippy::large_futures)]

use std::mem::size_of_val;

use cached_redis::redis_cached;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    cents: u64,
    tags: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Failure;

async fn row(id: u64) -> Result<Option<Product>, Failure> {
    tokio::task::yield_now().await;
    Ok(Some(Product { id, name: String::new(), cents: 1, tags: Vec::new() }))
}

#[redis_cached(ttl = 600, prefix = "sizes")]
async fn alone(id: u64) -> Result<Option<Product>, Failure> {
    row(id).await
}

#[redis_cached(ttl = 600, prefix = "sizes")]
async fn over_one(id: u64) -> Result<Option<Product>, Failure> {
    alone(id).await
}

#[redis_cached(ttl = 600, prefix = "sizes")]
async fn over_two(id: u64) -> Result<Option<Product>, Failure> {
    over_one(id).await
}

#[redis_cached(ttl = 600, prefix = "sizes")]
async fn over_three(id: u64) -> Result<Option<Product>, Failure> {
    over_two(id).await
}

/// What an annotation adds at most, in bytes.
const MOST: usize = 512;

#[test]
fn an_annotation_adds_little_to_a_future_however_deep_they_are_nested() {
    let sizes = [
        size_of_val(&row(1)),
        size_of_val(&alone(1)),
        size_of_val(&over_one(1)),
        size_of_val(&over_two(1)),
        size_of_val(&over_three(1)),
    ];
    println!("{sizes:?}");
    assert!(sizes.windows(2).all(|pair| pair[1] - pair[0] <= MOST), "{sizes:?}");
}
