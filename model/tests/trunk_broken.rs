//! Each rule that the trunk has for a reason, broken: the checker must find what goes wrong
//! then, or it would prove nothing. The stories are printed; `-- --nocapture` shows them.

use cached_redis_model::counterexample;
use cached_redis_model::trunk::Intent::Read;
use cached_redis_model::trunk::{
    EVERY_CALL_ENDS, Ids, Join, Losses, NO_STALE_FILL, NO_STALE_READ, Protocol, Share, Variant,
};

const RULES: Variant = Variant::IMPLEMENTED;

/// Two calls in one process and one write.
fn protocol(variant: Variant) -> Protocol {
    Protocol {
        variant,
        calls: vec![(0, Read), (0, Read)],
        writes: 1,
        rounds: 2,
        repeats: 1,
        faults: 1,
        losses: Losses::AnyTime,
    }
}

fn violates(protocol: &Protocol, property: &'static str) {
    let story = counterexample(protocol, property);
    assert!(story.is_some(), "no violation found of: {property}");
    if let Some(story) = story {
        println!("violated: {property}\n{story}");
    }
}

#[test]
fn fill_without_comparing_ids() {
    violates(&protocol(Variant { fenced: false, ..RULES }), NO_STALE_FILL);
    // And it is read.
    violates(&protocol(Variant { fenced: false, ..RULES }), NO_STALE_READ);
}

#[test]
fn ids_that_the_client_chooses_with_a_late_second_acquire() {
    let variant = Variant { ids: Ids::Client, ..RULES };
    violates(&protocol(variant), NO_STALE_FILL);
    // It takes the second execution.
    let once = Protocol { repeats: 0, ..protocol(variant) };
    assert!(counterexample(&once, NO_STALE_FILL).is_none());
}

#[test]
fn ids_from_a_counter_that_is_lost_with_the_record() {
    let variant = Variant { ids: Ids::CounterInRecord, ..RULES };
    violates(&Protocol { repeats: 0, faults: 0, ..protocol(variant) }, NO_STALE_FILL);
}

/// A caller that begins after an invalidation joins the flight whose value has been stored, and
/// removed again, but not been published yet.
#[test]
fn joining_by_key_without_a_seal() {
    let variant = Variant { join: Join::ByKey, sealed: false, ..RULES };
    violates(&Protocol { repeats: 0, faults: 0, ..protocol(variant) }, NO_STALE_READ);
}

/// Flights are found by the nonce of the lease, not by all of its id: a second execution of the
/// flight's ACQUIRE, after the invalidation, leads new callers to the old flight.
#[test]
fn joining_by_lease_without_a_seal() {
    violates(&protocol(Variant { sealed: false, ..RULES }), NO_STALE_READ);
}

#[test]
fn joining_by_key_and_sharing_before_it_is_stored() {
    let variant = Variant { join: Join::ByKey, share: Share::OnLoaded, ..RULES };
    violates(&Protocol { repeats: 0, faults: 0, ..protocol(variant) }, NO_STALE_READ);
}

/// As above, by the nonce.
#[test]
fn sharing_before_it_is_stored() {
    violates(&protocol(Variant { share: Share::OnLoaded, ..RULES }), NO_STALE_READ);
}

/// ACQUIRE is granted, the connection is lost with the answer, and its repetition is told to wait:
/// for itself. Either rule is enough; with the second one, it costs two pauses.
#[test]
fn a_caller_that_does_not_know_its_own_lease() {
    let variant = Variant { takes_own_lease: false, adopts: false, ..RULES };
    let friendly = Protocol { losses: Losses::Never, faults: 0, ..protocol(variant) };
    violates(&friendly, EVERY_CALL_ENDS);
}

/// The store refuses a FILL, and the lease stays. Adopting it does not help another process.
#[test]
fn a_leader_that_leaves_its_lease_behind() {
    let variant = Variant { releases_after_fill: false, ..RULES };
    let calls = vec![(0, Read), (1, Read)];
    let friendly = Protocol { losses: Losses::Never, repeats: 0, calls, ..protocol(variant) };
    violates(&friendly, EVERY_CALL_ENDS);
}
