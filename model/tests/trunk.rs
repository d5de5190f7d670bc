//! The trunk as it is implemented holds in every interleaving of these sizes.
//!
//! `CACHED_REDIS_MODEL=large` checks larger ones: minutes and gigabytes.

use cached_redis_model::trunk::Intent::{Read, Refresh, Replace};
use cached_redis_model::trunk::{Intent, Join, Losses, Protocol, REACHABLE, Variant};
use cached_redis_model::{check, is_large};

const HIT: &str = REACHABLE[0];
const LOST: &str = REACHABLE[1];
const SHARED: &str = REACHABLE[2];
const TAKEN_OVER: &str = REACHABLE[3];
const REFRESHED: &str = REACHABLE[4];
const GRANTED_TWICE: &str = REACHABLE[5];
const ADOPTED: &str = REACHABLE[6];

/// One write, two rounds, no faults, in the hostile world.
fn protocol(calls: &[(u8, Intent)]) -> Protocol {
    Protocol {
        variant: Variant::IMPLEMENTED,
        calls: calls.to_vec(),
        writes: 1,
        rounds: 2,
        repeats: 0,
        faults: 0,
        losses: Losses::AnyTime,
    }
}

/// Everything holds, and what must be reachable is.
fn holds(protocol: Protocol, reachable: &[&str]) {
    let name = format!("{:?}", protocol.calls);
    let outcome = check(protocol);
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

#[test]
fn two_processes_and_a_network_that_repeats() {
    let protocol = Protocol {
        repeats: 1,
        faults: if_large(1, 0),
        rounds: if_large(3, 2),
        ..protocol(&[(0, Read), (0, Read), (1, Read)])
    };
    holds(protocol, &[HIT, LOST, SHARED, GRANTED_TWICE]);
}

#[test]
fn two_processes_and_faults() {
    let protocol = Protocol {
        faults: if_large(3, 2),
        writes: if_large(2, 1),
        rounds: if_large(2, 1),
        ..protocol(&[(0, Read), (0, Read), (1, Read)])
    };
    holds(protocol, &[HIT, LOST, SHARED, TAKEN_OVER]);
}

#[test]
fn one_process_faults_and_a_network_that_repeats() {
    let protocol = Protocol {
        faults: 1,
        repeats: 1,
        rounds: if_large(2, 1),
        ..protocol(&[(0, Read), (0, Read), (0, Read)])
    };
    holds(protocol, &[LOST, SHARED, TAKEN_OVER, GRANTED_TWICE, ADOPTED]);
}

#[test]
fn several_writes_many_faults() {
    let protocol = Protocol {
        writes: 2,
        repeats: if_large(2, 1),
        faults: 2,
        rounds: if_large(4, 2),
        ..protocol(&[(0, Read), (0, Read)])
    };
    holds(protocol, &[HIT, LOST, SHARED, TAKEN_OVER, GRANTED_TWICE]);
}

#[test]
fn refreshing_beside_readers() {
    let calls = [(0, Read), (0, Read), (0, Refresh)];
    let reachable = [HIT, LOST, SHARED, TAKEN_OVER, REFRESHED];
    holds(Protocol { faults: 1, writes: if_large(2, 1), ..protocol(&calls) }, &reachable);
    if is_large() {
        holds(Protocol { faults: 1, repeats: 1, ..protocol(&calls) }, &reachable);
    }
}

#[test]
fn replacing_beside_readers() {
    let protocol = Protocol {
        faults: 1,
        repeats: if_large(1, 0),
        ..protocol(&[(0, Read), (0, Replace), (1, Replace)])
    };
    holds(protocol, &[HIT, LOST, SHARED, TAKEN_OVER]);
}

/// The seal makes up for joining by key: what is stored after a caller joined was loaded under a
/// lease that no invalidation before that had removed. Two walls where one would do.
#[test]
fn a_seal_is_enough_even_if_flights_are_joined_by_key() {
    let protocol = Protocol {
        variant: Variant { join: Join::ByKey, ..Variant::IMPLEMENTED },
        faults: 1,
        repeats: 1,
        rounds: if_large(2, 1),
        ..protocol(&[(0, Read), (0, Read), (0, Read)])
    };
    holds(protocol, &[LOST, SHARED, TAKEN_OVER]);
}

/// A lease of a process that lives is ended by that process: nobody, here or elsewhere, waits for
/// it to expire.
#[test]
fn leases_of_the_living_need_not_expire() {
    for calls in [
        [(0, Read), (0, Read), (1, Read)],
        [(0, Read), (0, Read), (1, Refresh)],
        [(0, Read), (0, Refresh), (1, Replace)],
    ] {
        let protocol = Protocol {
            losses: Losses::Never,
            faults: if_large(2, 1),
            repeats: if_large(2, 1),
            ..protocol(&calls)
        };
        holds(protocol, &[LOST]);
    }
}
