//! What a popular key costs its source, and its callers.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::{SECOND, Subject};
use crate::policy::Policy;

const TTL: Duration = Duration::from_secs(2);
const LOAD: Duration = Duration::from_millis(200);
const MINUTE: Duration = Duration::from_secs(60);
/// A timer ticks in milliseconds: two calls a tick are 2,000 a second.
const TICK: Duration = Duration::from_millis(1);

/// Reads one key 2,000 times a second in two processes; how often it was loaded, and
/// how many calls waited after the first load had ended.
async fn read(policy: Policy, length: Duration) -> (u64, u64) {
    // Jitter and early reloads draw lots.
    fastrand::seed(1);
    let nodes = {
        let one = Subject { policy, ..Subject::new() };
        [one.elsewhere(), one]
    };
    nodes[0].behind(1, LOAD, Ok(1)).await.ok();
    let began = Instant::now();
    let mut ticks = interval(TICK);
    let mut calls = JoinSet::new();
    let mut waited = 0;
    while began.elapsed() < length {
        ticks.tick().await;
        for node in &nodes {
            let node = node.clone();
            calls.spawn(async move {
                let asked = Instant::now();
                assert_eq!(node.behind(1, LOAD, Ok(1)).await, Ok(1));
                !asked.elapsed().is_zero()
            });
        }
        while let Some(done) = calls.try_join_next() {
            waited += u64::from(done.expect("no panic"));
        }
    }
    waited += calls.join_all().await.into_iter().map(u64::from).sum::<u64>();
    (nodes[0].loads(), waited)
}

/// One load in a TTL, and a tenth more: the default jitter alone takes half of that.
const MOST: u64 = 33;

#[tokio::test(start_paused = true)]
async fn with_stale_nobody_waits_and_the_source_sees_one_load_in_a_ttl() {
    let (loads, waited) =
        read(Policy { stale: Some(10 * SECOND), ..Policy::new(TTL) }, MINUTE).await;
    assert_eq!(waited, 0);
    assert!((20..=MOST).contains(&loads), "{loads} loads");
}

#[tokio::test(start_paused = true)]
async fn with_early_nobody_waits_and_the_source_sees_one_load_in_a_ttl() {
    let (loads, waited) = read(Policy { early: Some(1.0), ..Policy::new(TTL) }, MINUTE).await;
    assert_eq!(waited, 0);
    assert!((20..=MOST).contains(&loads), "{loads} loads");
}

#[tokio::test(start_paused = true)]
async fn with_neither_callers_wait() {
    let (loads, waited) = read(Policy::new(TTL), 10 * SECOND).await;
    assert!(waited > 500, "{waited} waited for {loads} loads");
}
