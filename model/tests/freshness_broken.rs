//! Each rule of what stands on the trunk, broken: the checker must find what goes wrong then, or it
//! would prove nothing. The stories are printed; `-- --nocapture` shows them.

use cached_redis_model::counterexample;
use cached_redis_model::freshness::Group::{Argument, Class, Tag};
use cached_redis_model::freshness::Kind::{Early, Fallback, Read, Refresh, Stale};
use cached_redis_model::freshness::{
    EVERY_CALL_ENDS, Fence, Generations, Kind, Losses, NO_EXPIRED_READ, NO_STALE_FILL,
    NO_STALE_READ, ONE_LOAD, Placeholders, Protocol, Reads, Rules, Write,
};

const RULES: Rules = Rules::IMPLEMENTED;
const TWO: [(u8, Kind); 2] = [(0, Read), (0, Read)];

fn scenario(rules: Rules, calls: &[(u8, Kind)], writers: &[(u8, Write)]) -> Protocol {
    Protocol::new(rules, calls, writers)
}

fn with_group(rules: Rules) -> Protocol {
    Protocol { groups: vec![Argument], ..scenario(rules, &TWO, &[(0, Write::Group)]) }
}

fn tracked(rules: Rules) -> Protocol {
    Protocol { reads: Reads::Tracked, ..with_group(rules) }
}

/// The other process stores what this one must not take.
fn tracked_in_two_processes(rules: Rules) -> Protocol {
    let calls = vec![(0, Read), (0, Read), (1, Read)];
    Protocol { calls, rounds: 1, losses: Losses::Never, ..tracked(rules) }
}

fn with_tag(rules: Rules) -> Protocol {
    Protocol { groups: vec![Class, Tag], ..scenario(rules, &TWO, &[(0, Write::Tag)]) }
}

fn guarded(rules: Rules) -> Protocol {
    Protocol { faults: 1, ..scenario(rules, &TWO, &[(0, Write::Guarded)]) }
}

fn violates(protocol: &Protocol, property: &'static str) {
    let story = counterexample(protocol, property);
    assert!(story.is_some(), "no violation found of: {property}");
    if let Some(story) = story {
        println!("violated: {property}\n{story}");
    }
}

fn holds(protocol: &Protocol, property: &'static str) {
    let story = counterexample(protocol, property);
    assert!(
        story.is_none(),
        "violated: {property}\n{}",
        story.map_or_else(String::new, |story| story.to_string())
    );
}

#[test]
fn fill_without_comparing_ids() {
    let protocol = scenario(Rules { fenced: false, ..RULES }, &TWO, &[(0, Write::Plain)]);
    violates(&protocol, NO_STALE_FILL);
    violates(&protocol, NO_STALE_READ);
}

/// KEEP that arrives after an invalidation: of another value.
#[test]
fn keep_without_comparing_ids() {
    let protocol = Protocol {
        expiries: 1,
        ..scenario(
            Rules { fenced: false, ..RULES },
            &[(0, Stale), (0, Stale)],
            &[(0, Write::Plain)],
        )
    };
    violates(&protocol, NO_STALE_FILL);
}

/// The value was evicted between GET and ACQUIRE: the lease stands alone, KEEP has nothing to keep,
/// and the lease stays.
#[test]
fn keep_of_a_value_that_was_gone_when_the_lease_was_granted() {
    let rules = Rules { keeps_what_is_there: false, ..RULES };
    let calls = [(0, Fallback), (0, Fallback), (1, Fallback)];
    let protocol = Protocol {
        expiries: 1,
        losses: Losses::Never,
        ..scenario(rules, &calls, &[(0, Write::Plain)])
    };
    violates(&protocol, EVERY_CALL_ENDS);
}

#[test]
fn a_waiter_that_takes_what_it_finds() {
    let protocol = Protocol {
        expiries: 1,
        ..scenario(Rules { waiters_look: false, ..RULES }, &[(0, Stale), (1, Read)], &[])
    };
    violates(&protocol, NO_EXPIRED_READ);
}

/// RENEW that comes after FILL says that somebody reloads. Nobody does.
#[test]
fn renew_of_a_lease_that_has_been_filled() {
    let rules = Rules { renews_leases_only: false, ..RULES };
    let protocol = Protocol {
        expiries: 1,
        renewals: true,
        losses: Losses::Never,
        ..scenario(rules, &[(0, Stale), (1, Fallback)], &[])
    };
    violates(&protocol, EVERY_CALL_ENDS);
}

#[test]
fn generations_that_the_client_makes_with_a_late_second_ensure() {
    let rules = Rules { generations: Generations::ByClient, ..RULES };
    let protocol = Protocol { repeats: 1, ..with_group(rules) };
    violates(&protocol, NO_STALE_FILL);
    violates(&protocol, NO_STALE_READ);
    // It takes the second execution.
    holds(&Protocol { repeats: 0, ..protocol }, NO_STALE_FILL);
}

#[test]
fn generations_that_count_with_eviction() {
    let rules = Rules { generations: Generations::Counters, ..RULES };
    let protocol = Protocol { evictions: 1, ..with_group(rules) };
    violates(&protocol, NO_STALE_FILL);
    violates(&protocol, NO_STALE_READ);
    // It takes the eviction.
    holds(&Protocol { evictions: 0, ..protocol }, NO_STALE_FILL);
}

/// A server that swaps its databases tells nobody.
#[test]
fn an_invalidation_that_tells_nobody_of_a_generation_that_has_vanished_unnoticed() {
    let vanishing = |rules| Protocol { evictions: 1, evictions_are_told: false, ..tracked(rules) };
    violates(&vanishing(Rules { tells_of_what_is_missing: false, ..RULES }), NO_STALE_READ);
    holds(&vanishing(RULES), NO_STALE_READ);
}

/// Invalidating a group leaves the lease in the entry, so the flight that began before is found.
#[test]
fn joining_a_flight_of_another_generation() {
    violates(&with_group(Rules { joins_own_generation: false, ..RULES }), NO_STALE_READ);
}

#[test]
fn joining_a_flight_of_another_class() {
    violates(&with_tag(Rules { joins_own_generation: false, ..RULES }), NO_STALE_READ);
}

#[test]
fn a_refresh_lease_that_stamps_the_value_anew() {
    let rules = Rules { grant_keeps_stamps: false, ..RULES };
    let calls = [(0, Read), (0, Refresh)];
    let protocol =
        Protocol { groups: vec![Argument], ..scenario(rules, &calls, &[(0, Write::Group)]) };
    violates(&protocol, NO_STALE_FILL);
}

#[test]
fn generations_held_beyond_the_connection() {
    let rules = Rules { drops_on_disconnect: false, ..RULES };
    violates(&Protocol { disconnects: 1, ..tracked(rules) }, NO_STALE_READ);
}

/// Writing a key ends its being tracked, also for who writes it.
#[test]
fn generations_that_are_held_and_not_tracked() {
    violates(&tracked(Rules { tracks_what_it_makes: false, ..RULES }), NO_STALE_READ);
}

/// As over a connection other than the one that tracks, or on another node.
#[test]
fn pushes_that_a_reply_overtakes() {
    violates(&tracked(Rules { pushes_in_order: false, ..RULES }), NO_STALE_READ);
}

/// The push has come, the task that was woken by the reply before it has not run yet.
#[test]
fn generations_put_down_without_a_placeholder() {
    let rules = Rules { placeholders: Placeholders::None, ..RULES };
    violates(&tracked_in_two_processes(rules), NO_STALE_READ);
}

/// The push removes the placeholder, and the next question puts another one there.
#[test]
fn a_placeholder_of_somebody_else() {
    let rules = Rules { placeholders: Placeholders::Shared, ..RULES };
    violates(&tracked_in_two_processes(rules), NO_STALE_READ);
}

#[test]
fn generations_taken_before_the_reply() {
    violates(&tracked(Rules { knows_after_reply: false, ..RULES }), NO_STALE_READ);
}

#[test]
fn a_class_that_is_not_compared() {
    violates(&with_tag(Rules { compares_class: false, ..RULES }), NO_STALE_FILL);
}

#[test]
fn a_class_that_is_compared_before_the_tag_is_read() {
    violates(&with_tag(Rules { reads_tag_first: false, ..RULES }), NO_STALE_FILL);
}

#[test]
fn a_tag_that_is_deleted_before_its_class() {
    violates(&with_tag(Rules { deletes_class_first: false, ..RULES }), NO_STALE_FILL);
}

/// Somebody else's invalidation takes the fence away.
#[test]
fn a_fence_in_the_entry() {
    let rules = Rules { fence: Fence::InEntry, ..RULES };
    let writers = [(0, Write::Guarded), (0, Write::Plain)];
    let protocol = Protocol { losses: Losses::Never, ..scenario(rules, &TWO, &writers) };
    violates(&Protocol { faults: 1, ..protocol }, NO_STALE_FILL);
}

#[test]
fn a_guard_that_leaves_the_entry_there() {
    violates(&guarded(Rules { hold_deletes: false, ..RULES }), NO_STALE_FILL);
}

#[test]
fn a_guard_that_the_first_of_two_holders_removes() {
    let rules = Rules { guard_counts: false, ..RULES };
    let writers = [(0, Write::Guarded), (0, Write::Guarded)];
    violates(&Protocol { writers: writers.to_vec(), ..guarded(rules) }, NO_STALE_FILL);
}

/// A limit, not a rule: a guard that is evicted guards nothing.
#[test]
fn a_guard_that_is_evicted_before_a_crash() {
    violates(&Protocol { guard_vanishes: true, ..guarded(RULES) }, NO_STALE_FILL);
}

#[test]
fn a_guard_that_vanishes_and_deletes_nothing_when_it_is_lifted() {
    let rules = Rules { lift_deletes: false, ..RULES };
    let protocol = Protocol { guard_vanishes: true, faults: 0, ..guarded(rules) };
    violates(&protocol, NO_STALE_FILL);
}

#[test]
fn a_lease_for_a_write_that_is_over() {
    let rules = Rules { update_begins: false, ..RULES };
    let protocol = scenario(rules, &[(0, Read)], &[(0, Write::Update), (0, Write::Update)]);
    violates(&protocol, NO_STALE_FILL);
}

/// Who began first has written last.
#[test]
fn an_update_that_is_lost_and_invalidates_nothing() {
    let rules = Rules { update_invalidates: false, ..RULES };
    let protocol = scenario(rules, &[(0, Read)], &[(0, Write::Update), (0, Write::Update)]);
    violates(&protocol, NO_STALE_FILL);
}

/// Two hold one lease, and both store.
#[test]
fn a_reader_that_adopts_the_lease_of_an_update() {
    let rules = Rules { updates_are_not_adopted: false, ..RULES };
    violates(&scenario(rules, &TWO, &[(0, Write::Update)]), NO_STALE_FILL);
}

#[test]
fn a_refresh_lease_that_nobody_heeds() {
    let rules = Rules { heeds_reload: false, ..RULES };
    let calls = [(0, Stale), (0, Early), (0, Fallback)];
    let protocol = Protocol { losses: Losses::Never, expiries: 1, ..scenario(rules, &calls, &[]) };
    violates(&protocol, ONE_LOAD);
}
