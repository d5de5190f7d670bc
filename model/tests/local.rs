//! The local tier as it is implemented holds in every interleaving of these sizes.
//!
//! `CACHED_REDIS_MODEL=large` checks larger ones: minutes and gigabytes.

use cached_redis_model::local::Fault::{
    self, Flush, ForgetEntry, ForgetGroup, Lose, Reconnect, Swap,
};
use cached_redis_model::local::Origin::{Elsewhere, Own};
use cached_redis_model::local::{Origin, REACHABLE, Rules, Scenario, Target};
use cached_redis_model::{check, is_large};

const ANSWERS: &str = REACHABLE[0];
const OUTDATED: &str = REACHABLE[1];
const OVERTAKEN: &str = REACHABLE[2];
const OTHER_GENERATION: &str = REACHABLE[3];
const SILENT: &str = REACHABLE[4];
const OTHER_DATABASE: &str = REACHABLE[5];
const OUTSTANDING: &str = REACHABLE[6];

const ENTRIES: [(Origin, Target); 2] = [(Elsewhere, Target::Entry), (Own, Target::Entry)];

fn if_large(large: u8, small: u8) -> u8 {
    if is_large() { large } else { small }
}

fn holds(writes: &[(Origin, Target)], kinds: &[Fault], reachable: &[&str]) {
    let scenario = Scenario {
        bound: if_large(2, 1),
        faults: u8::from(!kinds.is_empty()),
        kinds: kinds.to_vec(),
        ..Scenario::new(Rules::IMPLEMENTED, writes)
    };
    let name = format!("{writes:?} {kinds:?}");
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
fn entries_on_a_connection_that_is_lost() {
    let reachable = [ANSWERS, OUTDATED, OVERTAKEN, SILENT, OUTSTANDING];
    holds(&ENTRIES, &[Lose, Reconnect], &reachable);
}

#[test]
fn entries_of_a_server_that_forgets() {
    let reachable = [ANSWERS, OUTDATED, OVERTAKEN, SILENT, OTHER_DATABASE];
    holds(&ENTRIES, &[Swap, Flush, ForgetEntry], &reachable);
}

#[test]
fn groups_that_are_invalidated_elsewhere() {
    let writes = [(Elsewhere, Target::Group)];
    let reachable = [ANSWERS, OUTDATED, OTHER_GENERATION, SILENT];
    holds(&writes, &[Lose, Reconnect], &reachable);
    holds(&writes, &[Swap, Flush, ForgetGroup], &reachable);
}

#[test]
fn groups_that_are_invalidated_here() {
    let writes = [(Own, Target::Group)];
    let reachable = [ANSWERS, OUTDATED, OTHER_GENERATION];
    holds(&writes, &[Lose, Reconnect], &reachable);
}

#[test]
fn groups_and_entries() {
    if is_large() {
        let reachable = [ANSWERS, OUTDATED, OTHER_GENERATION, SILENT];
        holds(&[(Elsewhere, Target::Group), (Own, Target::Entry)], &[], &reachable);
        holds(&[(Elsewhere, Target::Entry), (Own, Target::Group)], &[], &reachable);
    }
}
