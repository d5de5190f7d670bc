//! Groups on a cluster, as they are implemented, hold in every interleaving of these sizes.
//!
//! `CACHED_REDIS_MODEL=large` checks a larger one: minutes and gigabytes.

use cached_redis_model::cluster::{REACHABLE, Rules, Scenario};
use cached_redis_model::{check, is_large};

fn holds(scenario: Scenario, reachable: &[&str]) {
    let name = format!("{scenario:?}");
    let outcome = check(scenario);
    println!(
        "{name}: {} states, depth {}, {:.1} s",
        outcome.states,
        outcome.depth,
        outcome.took.as_secs_f64()
    );
    assert!(outcome.violations.is_empty(), "{}", outcome.report());
    for wanted in reachable {
        assert!(outcome.reached.contains(wanted), "never reached: {wanted}");
    }
}

#[test]
fn a_bucket_that_moves_and_comes_back() {
    holds(Scenario::new(Rules::IMPLEMENTED), &REACHABLE);
}

#[test]
fn two_writers() {
    let scenario = Scenario { writes: 2, moves: 0, ..Scenario::new(Rules::IMPLEMENTED) };
    holds(scenario.clone(), &REACHABLE[..2]);
    if is_large() {
        holds(Scenario { calls: 1, moves: 1, ..scenario }, &REACHABLE[1..]);
    }
}
