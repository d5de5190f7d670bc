//! Real clusters: the same functions on several nodes, and faults done to them.

#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[path = "cluster/bad_input.rs"]
mod bad_input;
#[path = "cluster/calls.rs"]
mod calls;
#[path = "cluster/failover.rs"]
mod failover;
#[path = "cluster/moving.rs"]
mod moving;
#[path = "cluster/shop.rs"]
mod shop;
