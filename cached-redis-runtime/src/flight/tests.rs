use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::{Asking, Flights, Follower, Join, Leader, Release, Word};
use crate::lease::{LeaseId, Nonce};

const PROCESS: u64 = 7;
const KEY: &str = "key";

fn flights() -> Arc<Flights> {
    Arc::new(Flights::new(PROCESS))
}

fn never_released() -> Release {
    Box::new(|nonce| panic!("released {nonce:?}"))
}

fn counted(released: &Arc<AtomicUsize>) -> Release {
    let released = Arc::clone(released);
    Box::new(move |_| {
        released.fetch_add(1, Ordering::SeqCst);
    })
}

fn grant(asking: Asking) -> Leader {
    let lease = LeaseId::new(asking.nonce(), 1);
    asking.granted(lease)
}

fn follow(flights: &Arc<Flights>, lease: &LeaseId) -> Follower {
    match flights.join(KEY, lease) {
        Join::Follow(follower) => follower,
        other => panic!("{other:?}"),
    }
}

/// The word, if it has been said.
fn heard(follower: &mut Follower) -> Option<Word> {
    match Pin::new(follower).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(word) => word,
        Poll::Pending => None,
    }
}

#[test]
fn a_follower_that_was_cancelled_leaves_nothing() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, never_released()));
    let kept = follow(&flights, &leader.lease());
    for _ in 0..1000 {
        drop(follow(&flights, &leader.lease()));
    }
    assert_eq!(flights.followers(), 1);
    drop(kept);
    assert_eq!(flights.followers(), 0);
    leader.lost();
}

#[test]
fn followers_of_a_stored_load_get_its_record() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, never_released()));
    let mut followers: Vec<_> = (0..3).map(|_| follow(&flights, &leader.lease())).collect();
    leader.seal();
    leader.stored(vec![1, 2, 3]);
    for follower in &mut followers {
        let Some(Word::Stored(record)) = heard(follower) else { panic!("no record") };
        assert_eq!(*record, [1, 2, 3]);
    }
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_flight_can_be_joined_before_its_leader_knows_of_its_lease() {
    let flights = flights();
    let asking = flights.ask(KEY, never_released());
    let lease = LeaseId::new(asking.nonce(), 1);
    let mut follower = follow(&flights, &lease);
    asking.granted(lease).stored(Vec::new());
    assert!(matches!(heard(&mut follower), Some(Word::Stored(_))));
}

#[test]
fn a_sealed_flight_cannot_be_joined() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, never_released()));
    leader.seal();
    assert!(matches!(flights.join(KEY, &leader.lease()), Join::Closed));
    leader.lost();
}

#[test]
fn a_lease_of_another_process_is_not_ours() {
    let flights = flights();
    let lease = LeaseId::new(Nonce { process: PROCESS + 1, sequence: 0 }, 1);
    assert!(!flights.is_ours(&lease));
}

#[test]
fn a_dropped_leader_hands_over_to_exactly_one_follower_that_still_listens() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, never_released()));
    let lease = leader.lease();
    let mut first = follow(&flights, &lease);
    let mut last = follow(&flights, &lease);
    let cancelled = follow(&flights, &lease);
    drop(cancelled);
    drop(leader);
    let Some(Word::Lead(leader)) = heard(&mut last) else { panic!("not handed over") };
    assert_eq!(leader.lease(), lease, "with the lease");
    assert!(heard(&mut first).is_none(), "the other goes on waiting");
    leader.stored(vec![9]);
    assert!(matches!(heard(&mut first), Some(Word::Stored(_))));
    assert_eq!(flights.len(), 0);
}

#[test]
fn leadership_that_nobody_receives_moves_on() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, counted(&Arc::default())));
    let lease = leader.lease();
    let mut other = follow(&flights, &lease);
    let told = follow(&flights, &lease);
    drop(leader);
    // It has been told, and is cancelled before it looks.
    drop(told);
    assert!(matches!(heard(&mut other), Some(Word::Lead(_))));
}

#[test]
fn the_last_one_to_go_gives_the_lease_up() {
    let released = Arc::new(AtomicUsize::new(0));
    let flights = flights();
    let leader = grant(flights.ask(KEY, counted(&released)));
    let follower = follow(&flights, &leader.lease());
    drop(leader);
    assert_eq!(released.load(Ordering::SeqCst), 0, "there is a follower");
    drop(follower);
    assert_eq!(released.load(Ordering::SeqCst), 1);
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_question_that_was_cancelled_is_taken_back() {
    let released = Arc::new(AtomicUsize::new(0));
    let flights = flights();
    let asking = flights.ask(KEY, counted(&released));
    let mut follower = follow(&flights, &LeaseId::new(asking.nonce(), 1));
    drop(asking);
    assert_eq!(released.load(Ordering::SeqCst), 1);
    assert!(matches!(heard(&mut follower), Some(Word::StartOver)));
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_question_that_was_answered_otherwise_leaves_nothing() {
    let flights = flights();
    flights.ask(KEY, never_released()).not_granted();
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_load_that_cannot_be_shared_sends_everybody_off_at_once() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, never_released()));
    let mut followers: Vec<_> = (0..3).map(|_| follow(&flights, &leader.lease())).collect();
    leader.not_shareable();
    for follower in &mut followers {
        assert!(matches!(heard(follower), Some(Word::LoadAlone)));
    }
}

#[test]
fn an_orphaned_lease_is_taken_over_by_one() {
    let flights = flights();
    let leader = grant(flights.ask(KEY, counted(&Arc::default())));
    let lease = leader.lease();
    assert!(flights.adopt(KEY, lease, never_released()).is_none(), "it has a leader");
    drop(leader);
    assert!(matches!(flights.join(KEY, &lease), Join::Unknown));
    let adopter = flights.adopt(KEY, lease, never_released()).expect("orphaned");
    assert_eq!(adopter.lease(), lease);
    assert!(flights.adopt(KEY, lease, never_released()).is_none(), "only one");
    let mut follower = follow(&flights, &lease);
    adopter.stored(Vec::new());
    assert!(matches!(heard(&mut follower), Some(Word::Stored(_))));
}

#[test]
fn an_unknown_ending_gives_the_lease_up() {
    let released = Arc::new(AtomicUsize::new(0));
    let flights = flights();
    let leader = grant(flights.ask(KEY, counted(&released)));
    let mut follower = follow(&flights, &leader.lease());
    leader.unknown();
    assert!(matches!(heard(&mut follower), Some(Word::StartOver)));
    assert_eq!((released.load(Ordering::SeqCst), flights.len()), (1, 0));
}

#[test]
fn a_flight_is_not_joined_for_another_lease_or_another_key() {
    let flights = flights();
    let asking = flights.ask(KEY, never_released());
    let (lease, later) = (LeaseId::new(asking.nonce(), 1), LeaseId::new(asking.nonce(), 2));
    assert!(matches!(flights.join("other", &lease), Join::Unknown), "a clone of this process");
    let leader = asking.granted(lease);
    assert!(matches!(flights.join(KEY, &later), Join::Closed), "asked twice");
    follow(&flights, &lease);
    leader.lost();
}

#[test]
fn a_body_that_always_panics_is_no_queue() {
    let released = Arc::new(AtomicUsize::new(0));
    let flights = flights();
    let leader = grant(flights.ask(KEY, counted(&released)));
    let mut followers: Vec<_> = (0..3).map(|_| follow(&flights, &leader.lease())).collect();
    let panics = |leader: Leader| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = leader;
            panic!("the body's own");
        }));
        assert!(caught.is_err());
    };
    panics(leader);
    let Some(Word::Lead(next)) = heard(&mut followers.remove(2)) else { panic!("not handed over") };
    panics(next);
    for follower in &mut followers {
        assert!(matches!(heard(follower), Some(Word::Failed)));
    }
    assert_eq!((released.load(Ordering::SeqCst), flights.len()), (1, 0));
}
