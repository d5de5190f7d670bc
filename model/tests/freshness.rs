//! What stands on the trunk holds in every interleaving of these sizes, a scenario at a time.
//!
//! `CACHED_REDIS_MODEL=large` checks larger ones: minutes and gigabytes.

use cached_redis_model::freshness::Group::{Argument, Class, Tag};
use cached_redis_model::freshness::Kind::{Early, Fallback, Read, Refresh, Stale};
use cached_redis_model::freshness::{Kind, Losses, Protocol, REACHABLE, Reads, Rules, Write};
use cached_redis_model::{check, is_large};

const STALE: &str = REACHABLE[0];
const LOST: &str = REACHABLE[1];
const SHARED: &str = REACHABLE[2];
const BEHIND: &str = REACHABLE[3];
const KEPT: &str = REACHABLE[4];
const THROTTLED: &str = REACHABLE[5];
const OTHER_GENERATION: &str = REACHABLE[6];
const CLASS_CHANGED: &str = REACHABLE[7];
const PUSHED: &str = REACHABLE[8];
const OUTLIVES: &str = REACHABLE[9];
const UPDATED: &str = REACHABLE[10];
const UPDATE_LOST: &str = REACHABLE[11];

/// Nothing happens but calls and writes, in the hostile world.
fn scenario(calls: &[(u8, Kind)], writers: &[(u8, Write)]) -> Protocol {
    Protocol::new(Rules::IMPLEMENTED, calls, writers)
}

fn friendly(protocol: Protocol) -> Protocol {
    Protocol { losses: Losses::Never, ..protocol }
}

/// Everything holds, and what must be reachable is.
fn holds(name: &str, protocol: Protocol, reachable: &[&str]) {
    let outcome = check(protocol);
    println!(
        "{name}: {} states, depth {}, {:.1} s",
        outcome.states,
        outcome.depth,
        outcome.took.as_secs_f64()
    );
    assert!(outcome.violations.is_empty(), "{name}\n{}", outcome.report());
    for wanted in reachable {
        assert!(outcome.reached.contains(wanted), "{name}: never reached: {wanted}");
    }
}

fn if_large(large: u8, small: u8) -> u8 {
    if is_large() { large } else { small }
}

/// Which of two scenarios: more of everything, or what is enough to show the matter.
fn sized<T>(large: T, small: T) -> T {
    if is_large() { large } else { small }
}

#[test]
fn stale_values_are_reloaded_behind_the_answer() {
    let protocol = Protocol {
        expiries: if_large(2, 1),
        repeats: if_large(1, 0),
        ..scenario(&[(0, Stale), (0, Stale), (1, Stale)], &[(0, Write::Plain)])
    };
    holds("stale", protocol, &[STALE, LOST, SHARED, BEHIND, KEPT]);
}

#[test]
fn fresh_values_are_reloaded_early() {
    let calls = [(0, Early), (0, Early), (1, Early)];
    let protocol = Protocol {
        expiries: if_large(1, 0),
        repeats: if_large(1, 0),
        ..scenario(&calls, &[(0, Write::Plain)])
    };
    holds("early", protocol, &[LOST, SHARED, BEHIND, KEPT]);
}

#[test]
fn stale_values_are_a_fallback() {
    let calls = [(0, Fallback), (0, Fallback), (1, Fallback)];
    let protocol = Protocol {
        expiries: if_large(1, 2),
        faults: if_large(1, 2),
        ..scenario(sized(&calls, &calls[1..]), &[(0, Write::Plain)])
    };
    holds("fallback", protocol, &[LOST, KEPT, BEHIND, THROTTLED]);
}

#[test]
fn one_version_of_a_program_has_a_grace_and_another_has_none() {
    let calls = [(0, Stale), (0, Read), (1, Fallback)];
    let mixed = |calls| Protocol {
        expiries: 1,
        faults: if_large(1, 0),
        ..scenario(calls, &[(0, Write::Plain)])
    };
    holds("stale, none", mixed(&calls[..2]), &[STALE, LOST, SHARED, BEHIND, KEPT]);
    holds("none, fallback", mixed(&calls[1..]), &[LOST, BEHIND, KEPT]);
    if is_large() {
        holds("stale, none, fallback", mixed(&calls), &[STALE, LOST, SHARED, BEHIND, KEPT]);
    }
}

#[test]
fn one_load_over_all_processes() {
    for calls in [
        [(0, Stale), (0, Stale), (1, Stale)],
        [(0, Stale), (0, Fallback), (1, Read)],
        [(0, Early), (0, Early), (1, Fallback)],
    ] {
        let protocol = friendly(Protocol {
            expiries: 2,
            faults: if_large(2, 1),
            renewals: true,
            ..scenario(&calls, &[])
        });
        holds("one load", protocol, &[SHARED, BEHIND, KEPT, THROTTLED]);
    }
}

#[test]
fn groups_on_resp2() {
    let calls = [(0, Read), (0, Read), (1, Read)];
    let group =
        |calls| Protocol { groups: vec![Argument], ..scenario(calls, &[(0, Write::Group)]) };
    let two = Protocol { repeats: 1, evictions: 2, ..group(&calls[1..]) };
    holds("group", two, &[OTHER_GENERATION]);
    let same = Protocol { repeats: 1, evictions: 2, ..group(&calls[..2]) };
    holds("group, one process", same, &[SHARED, OTHER_GENERATION]);
    let before = Protocol { reads: Reads::BeforeGet, evictions: 1, ..group(&calls[..2]) };
    holds("group, before GET", before, &[SHARED]);
    let rounds = if_large(2, 1);
    let three = Protocol { rounds, evictions: if_large(1, 0), ..group(&calls) };
    holds("group, three", three, &[SHARED, OTHER_GENERATION]);
}

/// To take its place saves time, and no more.
#[test]
fn a_lease_of_another_generation_could_be_waited_for() {
    let protocol = Protocol {
        rules: Rules { replaces_other_generation: false, ..Rules::IMPLEMENTED },
        groups: vec![Argument],
        evictions: 1,
        ..scenario(&[(0, Read), (0, Read)], &[(0, Write::Group)])
    };
    holds("group, waiting", protocol.clone(), &[SHARED, OTHER_GENERATION]);
    holds("friendly, group, waiting", friendly(protocol), &[SHARED, OTHER_GENERATION]);
}

#[test]
fn groups_held_in_process() {
    let calls = [(0, Read), (0, Read), (1, Read)];
    let group = |calls| Protocol {
        groups: vec![Argument],
        reads: Reads::Tracked,
        ..scenario(calls, &[(0, Write::Group)])
    };
    let two = Protocol { evictions: 2, disconnects: 1, ..group(&calls[..2]) };
    holds("tracked", two, &[SHARED, OTHER_GENERATION, PUSHED]);
    let three = Protocol { rounds: 1, ..group(&calls) };
    if is_large() {
        let three = Protocol { evictions: 1, ..three };
        holds("tracked, three, evictions", three.clone(), &[SHARED, OTHER_GENERATION, PUSHED]);
        let three = Protocol { evictions: 0, disconnects: 1, ..three };
        holds("tracked, three, disconnects", three, &[SHARED, OTHER_GENERATION, PUSHED]);
    } else {
        holds("tracked, three", friendly(three), &[SHARED, OTHER_GENERATION, PUSHED]);
    }
}

#[test]
fn groups_and_stale_values() {
    let protocol = Protocol {
        groups: vec![Argument],
        expiries: 1,
        faults: if_large(1, 0),
        evictions: if_large(1, 0),
        ..scenario(&[(0, Stale), (0, Fallback)], &[(0, Write::Group), (0, Write::Plain)])
    };
    holds("group, stale", protocol, &[STALE, LOST, BEHIND, KEPT, OTHER_GENERATION]);
}

#[test]
fn tags_from_the_value() {
    let calls = [(0, Read), (0, Read), (1, Read)];
    let tag = |calls| Protocol { groups: vec![Class, Tag], ..scenario(calls, &[(0, Write::Tag)]) };
    let two = Protocol { evictions: 2, repeats: if_large(1, 0), ..tag(&calls[..2]) };
    let before = Protocol { reads: Reads::BeforeGet, evictions: 1, ..tag(&calls[..2]) };
    holds("tag, before GET", before, &[SHARED, CLASS_CHANGED]);
    holds("tag", two, &[SHARED, OTHER_GENERATION, CLASS_CHANGED]);
    let three = Protocol { rounds: 1, ..tag(&calls) };
    let three = if is_large() { three } else { friendly(three) };
    holds("tag, three", three, &[SHARED, OTHER_GENERATION, CLASS_CHANGED]);
}

#[test]
fn tags_from_the_value_beside_groups() {
    let protocol = Protocol {
        groups: vec![Argument, Class, Tag],
        evictions: if_large(1, 0),
        ..scenario(&[(0, Read), (0, Read)], &[(0, Write::Tag), (0, Write::Group)])
    };
    holds("tag, group", protocol, &[SHARED, OTHER_GENERATION, CLASS_CHANGED]);
}

#[test]
fn guards_and_crashes() {
    let reads = [(0, Read), (0, Read)];
    let protocol = Protocol {
        faults: 2,
        repeats: if_large(1, 0),
        ..scenario(&reads, &[(0, Write::Guarded), (0, Write::Guarded)])
    };
    holds("guards", protocol, &[LOST, OUTLIVES]);
    let protocol = Protocol {
        faults: 1,
        repeats: 1,
        ..scenario(&reads, &[(0, Write::Guarded), (0, Write::Plain)])
    };
    holds("guard, plain", protocol, &[LOST, OUTLIVES]);
}

/// What a guard adds is gone with it. What an invalidation promises is not.
#[test]
fn guards_that_vanish_without_a_crash() {
    let protocol = Protocol {
        guard_vanishes: true,
        repeats: if_large(1, 0),
        ..scenario(&[(0, Read), (0, Read)], &[(0, Write::Guarded), (0, Write::Guarded)])
    };
    holds("vanishing guards", protocol, &[LOST]);
}

/// While the guard stands nothing is stored, so LIFT has nothing to delete. It is there for guards
/// that vanish.
#[test]
fn lift_need_not_delete_if_the_guard_never_vanishes() {
    let protocol = Protocol {
        rules: Rules { lift_deletes: false, ..Rules::IMPLEMENTED },
        faults: 2,
        repeats: if_large(1, 0),
        ..scenario(&[(0, Read), (0, Read)], &[(0, Write::Guarded), (0, Write::Guarded)])
    };
    holds("guards, lifted only", protocol, &[LOST, OUTLIVES]);
}

#[test]
fn guards_of_groups() {
    let protocol = Protocol {
        groups: vec![Argument],
        guarded: Some(Argument),
        faults: 1,
        evictions: if_large(1, 0),
        ..scenario(&[(0, Read), (0, Read)], &[(0, Write::Guarded), (0, Write::Guarded)])
    };
    holds("guards of groups", protocol, &[OUTLIVES, OTHER_GENERATION]);
}

#[test]
fn guards_beside_updates() {
    let protocol = Protocol {
        faults: if_large(2, 1),
        repeats: if_large(1, 0),
        ..scenario(&[(0, Read)], &[(0, Write::Guarded), (0, Write::Update)])
    };
    holds("guard, update", protocol, &[OUTLIVES, UPDATED, UPDATE_LOST]);
}

#[test]
fn racing_updates() {
    let protocol = Protocol {
        repeats: 1,
        faults: 1,
        ..scenario(&[(0, Read)], &[(0, Write::Update), (0, Write::Update)])
    };
    holds("updates", protocol, &[LOST, UPDATED, UPDATE_LOST]);
    if is_large() {
        let writers = [(0, Write::Update), (0, Write::Update), (0, Write::Update)];
        holds("three updates", scenario(&[(0, Read)], &writers), &[LOST, UPDATED, UPDATE_LOST]);
    }
}

#[test]
fn updates_beside_readers() {
    let writers = [(0, Write::Update), (0, Write::Plain)];
    let reachable = [LOST, UPDATED, UPDATE_LOST];
    holds("update, plain, reads", scenario(&[(0, Read), (1, Read)], &writers), &reachable);
    holds("update, plain, refresh", scenario(&[(0, Read), (0, Refresh)], &writers), &reachable);
    if is_large() {
        let three = [(0, Read), (0, Refresh), (1, Read)];
        holds("update, plain, three", scenario(&three, &writers), &reachable);
    }
}

#[test]
fn updates_and_groups() {
    let writers = [(0, Write::Update), (0, Write::Update), (0, Write::Group)];
    let protocol = Protocol {
        groups: vec![Argument],
        rounds: if_large(2, 1),
        evictions: if_large(1, 0),
        ..scenario(&[(0, Read)], &writers)
    };
    holds("updates, group", protocol, &[UPDATED, UPDATE_LOST, OTHER_GENERATION]);
}

#[test]
fn updates_and_stale_values() {
    let calls = [(0, Stale), (1, Fallback)];
    let writers = [(0, Write::Update), (0, Write::Update)];
    let protocol = Protocol { expiries: 1, ..scenario(sized(&calls, &calls[..1]), &writers) };
    holds("updates, stale", protocol, &[STALE, LOST, BEHIND, UPDATED, UPDATE_LOST]);
}

#[test]
fn nobody_waits_for_a_deadline() {
    let reads = [(0, Read), (0, Read), (1, Read)];
    let graces = [(0, Stale), (0, Fallback), (1, Fallback)];
    let update = [(0, Write::Update), (0, Write::Update)];
    let writers = [(0, Write::Plain)];
    let groups = vec![Argument];
    let rounds = if_large(2, 1);
    let group = Protocol { groups, ..scenario(&reads, &[(0, Write::Group)]) };
    for (name, protocol) in [
        ("group", group.clone()),
        ("tracked", Protocol { reads: Reads::Tracked, rounds, ..group }),
        ("update", scenario(&reads, sized(&update, &update[..1]))),
        ("updates", scenario(&reads[1..], &update)),
        ("guard", scenario(&reads, &[(0, Write::Guarded)])),
        (
            "graces",
            Protocol {
                expiries: 1,
                faults: if_large(1, 0),
                renewals: is_large(),
                ..scenario(&graces, &writers)
            },
        ),
    ] {
        holds(&format!("friendly, {name}"), friendly(protocol), &[]);
    }
}
