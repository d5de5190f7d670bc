//! The local tier as it is implemented holds in every interleaving of these sizes.
//!
//! `CACHED_REDIS_MODEL=large` checks larger ones: minutes and gigabytes.

use cached_redis_model::local::Fault::{Flush, ForgetEntry, Lose, Reconnect, Swap};
use cached_redis_model::local::Origin::{Elsewhere, Own};
use cached_redis_model::local::{REACHABLE, Rules, Scenario, Target};
use cached_redis_model::{check, is_large};

const ANSWERS: &str = REACHABLE[0];
const OUTDATED: &str = REACHABLE[1];
const OVERTAKEN: &str = REACHABLE[2];
const OTHER_GENERATION: &str = REACHABLE[3];
const SILENT: &str = REACHABLE[4];
const OTHER_DATABASE: &str = REACHABLE[5];
const OUTSTANDING: &str = REACHABLE[6];

fn holds(scenario: Scenario, reachable: &[&str]) {
    let name = format!("{:?} {:?}", scenario.writes, scenario.kinds);
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

fn if_large(large: u8, small: u8) -> u8 {
    if is_large() { large } else { small }
}

fn scenario(writes: &[(cached_redis_model::local::Origin, Target)]) -> Scenario {
    Scenario::new(Rules::IMPLEMENTED, writes)
}

#[test]
fn entries_without_faults() {
    let writes = [(Elsewhere, Target::Entry), (Own, Target::Entry)];
    holds(scenario(&writes), &[ANSWERS, OUTDATED, OVERTAKEN, SILENT]);
}

#[test]
fn entries_on_a_connection_that_is_lost() {
    let writes = [(Elsewhere, Target::Entry), (Own, Target::Entry)];
    let scenario =
        Scenario { faults: if_large(2, 1), kinds: vec![Lose, Reconnect], ..scenario(&writes) };
    holds(scenario, &[ANSWERS, OUTDATED, OVERTAKEN, SILENT, OUTSTANDING]);
}

#[test]
fn entries_of_a_server_that_forgets() {
    let writes = [(Elsewhere, Target::Entry), (Own, Target::Entry)];
    let kinds = vec![Swap, Flush, ForgetEntry];
    let scenario = Scenario { faults: if_large(2, 1), kinds, ..scenario(&writes) };
    holds(scenario, &[ANSWERS, OUTDATED, OVERTAKEN, SILENT, OTHER_DATABASE]);
}

#[test]
fn groups_without_faults() {
    let writes = [(Elsewhere, Target::Group), (Own, Target::Group)];
    holds(scenario(&writes), &[ANSWERS, OUTDATED, OTHER_GENERATION, SILENT]);
}
