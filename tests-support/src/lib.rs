//! What the tests of this workspace stand on.
//!
//! - [`programs`]: which servers there are: from the PATH, from PyPI wheels, from Debian packages
//! - [`servers`]: tests on each of them
//! - [`server`]: one running server process, and faults done to it
//! - [`cluster`]: several that form a cluster, and slots that move between them
//! - [`sentinel`]: a primary, its replicas and the sentinels that choose another
//! - [`proxy`]: faults done to the connection
//! - [`process`]: the test binary again, as another application process
//! - [`events`]: what a program would find in its log
//! - [`history`]: what was read, held against what had been invalidated by then
//! - [`resp`]: the few bytes needed to ask a server something
//! - [`hunt`]: searches at random, and how to find the same again
//! - [`poll`]: waiting for something with a deadline
//! - [`stopwatch`]: how long it took, without the pauses of the machine
//!
//! Environment: `CACHED_REDIS_TEST_URL=redis://…` runs the tests against that server and no other;
//! `CACHED_REDIS_TEST_SERVERS=redis-6.2,valkey-8.1` against these kinds only.

// A test that cannot be set up must fail at once and say why; there is no caller to hand an error to.
#![allow(clippy::expect_used, clippy::panic)]

pub mod cluster;
pub mod events;
mod fetch;
pub mod history;
pub mod hunt;
pub mod poll;
mod port;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod resp;
pub mod sentinel;
pub mod server;
pub mod servers;
pub mod stopwatch;
mod watchdog;

pub use cluster::Cluster;
pub use programs::{Binary, available};
pub use proxy::{Mode, Proxy};
pub use sentinel::Sentinels;
pub use server::Server;
pub use servers::{each_binary, each_server, each_server_async};
pub use stopwatch::Stopwatch;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A namespace that no other test has, now or on an earlier run against the same server.
pub fn unique_namespace(test: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    format!(
        "{test}-{:x}-{:x}-{}",
        now.as_millis(),
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Says something even when the test passes: the harness captures `eprintln!`, but not this.
pub(crate) fn loudly(message: &str) {
    let _ = writeln!(std::io::stderr(), "cached-redis tests: {message}");
}
