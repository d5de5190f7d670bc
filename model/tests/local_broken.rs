//! Each rule of the local tier, broken: the checker must find what goes wrong then, or it would prove nothing. The
//! stories are printed; `-- --nocapture` shows them.

use cached_redis_model::local::Check::{self, Copy, Outstanding, Proof, Stamps, Watch};
use cached_redis_model::local::Fault::{
    self, Flush, ForgetEntry, ForgetGroup, Lose, Reconnect, Swap,
};
use cached_redis_model::local::Origin::{Elsewhere, Own};
use cached_redis_model::local::{
    ELSEWHERE_WITHIN_BOUND, OWN_AT_ONCE, Origin, Rules, Scenario, Target,
};
use cached_redis_model::{check, counterexample};

const RULES: Rules = Rules::IMPLEMENTED;

fn scenario(rules: Rules, origin: Origin, target: Target, kinds: &[Fault]) -> Scenario {
    let faults = u8::from(!kinds.is_empty());
    Scenario { faults, kinds: kinds.to_vec(), ..Scenario::new(rules, &[(origin, target)]) }
}

fn checks(checks: &'static [Check]) -> Rules {
    Rules { checks, ..RULES }
}

fn violates(scenario: &Scenario, property: &'static str) {
    let story = counterexample(scenario, property);
    assert!(story.is_some(), "no violation found of: {property}");
    if let Some(story) = story {
        println!("violated: {property}\n{story}");
    }
}

fn holds(scenario: Scenario) {
    let outcome = check(scenario);
    assert!(outcome.violations.is_empty(), "{}", outcome.report());
}

#[test]
fn a_copy_of_what_was_read_without_a_watch() {
    let rules = Rules { watches_before_reading: false, ..RULES };
    violates(&scenario(rules, Own, Target::Entry, &[]), OWN_AT_ONCE);
    violates(&scenario(rules, Elsewhere, Target::Entry, &[]), ELSEWHERE_WITHIN_BOUND);
}

#[test]
fn a_copy_of_what_the_server_does_not_track() {
    let rules = Rules { reads_tracked: false, ..RULES };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[]), ELSEWHERE_WITHIN_BOUND);
}

#[test]
fn no_bound_on_silence() {
    let rules = Rules { bounds_silence: false, ..RULES };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[]), ELSEWHERE_WITHIN_BOUND);
    violates(&scenario(rules, Elsewhere, Target::Group, &[]), ELSEWHERE_WITHIN_BOUND);
}

/// The reply may have been on its way for longer than the bound.
#[test]
fn silence_counted_from_the_arrival_of_a_reply() {
    let rules = Rules { counts_from_sending: false, ..RULES };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[]), ELSEWHERE_WITHIN_BOUND);
}

#[test]
fn own_invalidations_that_wait_for_the_report() {
    let rules = Rules { own_ends_watch: false, ..RULES };
    violates(&scenario(rules, Own, Target::Entry, &[]), OWN_AT_ONCE);
    let rules = Rules { own_forgets_group: false, ..RULES };
    violates(&scenario(rules, Own, Target::Group, &[]), OWN_AT_ONCE);
}

#[test]
fn stamps_that_are_not_compared_at_a_hit() {
    let rules = checks(&[Outstanding, Copy, Proof, Watch]);
    violates(&scenario(rules, Own, Target::Group, &[]), OWN_AT_ONCE);
    violates(&scenario(rules, Elsewhere, Target::Group, &[]), ELSEWHERE_WITHIN_BOUND);
}

#[test]
fn what_is_known_outlives_the_connection() {
    let rules = Rules { forgets_on_disconnect: false, ..RULES };
    violates(
        &scenario(rules, Elsewhere, Target::Entry, &[Lose, Reconnect]),
        ELSEWHERE_WITHIN_BOUND,
    );
    violates(
        &scenario(rules, Elsewhere, Target::Group, &[Lose, Reconnect]),
        ELSEWHERE_WITHIN_BOUND,
    );
}

#[test]
fn no_number_of_the_database() {
    let rules = Rules { compares_database: false, ..RULES };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[Swap]), ELSEWHERE_WITHIN_BOUND);
}

/// The number would be that of the other database from the start.
#[test]
fn a_watch_that_begins_before_the_number_of_the_database_is_known() {
    let rules = Rules { begins_when_proved: false, ..RULES };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[Swap]), ELSEWHERE_WITHIN_BOUND);
}

#[test]
fn replies_that_overtake_reports() {
    let rules = Rules { pushes_in_order: false, ..RULES };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[]), ELSEWHERE_WITHIN_BOUND);
}

/// A call finds that the watch stands, and is then interrupted, on a connection that has been silent for long. The
/// connection comes to life: the report ends the watch, and a heartbeat is answered. The call goes on, finds the proof,
/// and answers.
#[test]
fn a_call_that_asks_for_the_watch_before_the_proof() {
    let rules = checks(&[Outstanding, Copy, Watch, Proof, Stamps]);
    violates(&scenario(rules, Elsewhere, Target::Entry, &[]), ELSEWHERE_WITHIN_BOUND);
}

#[test]
fn a_call_that_asks_for_the_stamps_before_the_proof() {
    let rules = checks(&[Outstanding, Copy, Stamps, Proof, Watch]);
    violates(&scenario(rules, Elsewhere, Target::Group, &[]), ELSEWHERE_WITHIN_BOUND);
}

/// The retry succeeds between the two questions.
#[test]
fn a_call_that_asks_last_whether_an_invalidation_is_outstanding() {
    let rules = checks(&[Copy, Proof, Watch, Stamps, Outstanding]);
    violates(&scenario(rules, Own, Target::Entry, &[Lose, Reconnect]), OWN_AT_ONCE);
}

#[test]
fn a_call_that_does_not_ask_whether_an_invalidation_is_outstanding() {
    let rules = checks(&[Copy, Proof, Watch, Stamps]);
    violates(&scenario(rules, Own, Target::Entry, &[Lose, Reconnect]), OWN_AT_ONCE);
}

/// Two walls: after a flush, the number of the database is another one.
#[test]
fn the_report_of_a_flush_is_not_needed_where_the_number_of_the_database_is_compared() {
    let rules = Rules { forgets_on_flush: false, ..RULES };
    holds(scenario(rules, Elsewhere, Target::Entry, &[Flush]));
    let rules = Rules { compares_database: false, ..rules };
    violates(&scenario(rules, Elsewhere, Target::Entry, &[Flush]), ELSEWHERE_WITHIN_BOUND);
}

/// What is relied on: Redis reports a key for which its table has no room.
#[test]
fn a_server_that_forgets_without_a_word_what_it_tracks() {
    for (target, fault) in [(Target::Entry, ForgetEntry), (Target::Group, ForgetGroup)] {
        let scenario = scenario(RULES, Elsewhere, target, &[fault]);
        let silent = Scenario { evictions_are_told: false, ..scenario };
        violates(&silent, ELSEWHERE_WITHIN_BOUND);
    }
}

/// A limit: the clock of the process stands still while its machine is suspended, so the bound counts the time that
/// the machine runs.
#[test]
fn a_machine_that_is_suspended() {
    let suspended = Scenario { suspends: true, ..scenario(RULES, Elsewhere, Target::Entry, &[]) };
    violates(&suspended, ELSEWHERE_WITHIN_BOUND);
}
